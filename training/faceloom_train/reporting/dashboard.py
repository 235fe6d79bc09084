"""The live dashboard of a run: progress, loss, last evaluation, files and warnings."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from faceloom.faceset.parsing.visible_faces import PARSING_STAGE
from faceloom.progress import Progress
from faceloom_train.evaluation.evaluator import RECONSTRUCTION, SWAP, SWAP_METRICS
from faceloom_train.evaluation.run_score import unjudged_reason
from faceloom_train.reporting.events import (
    CheckpointSaved,
    EvaluationCompleted,
    PreviewWritten,
    StepCompleted,
    TrendChanged,
)
from faceloom_train.reporting.sparkline import Sparkline
from faceloom_train.runs.checkpoint_paths import checkpoint_step, list_checkpoints
from faceloom_train.runs.run_directory import Row, Run

# Most characters of a line: wider lines are hard to read.
_MAX_WIDTH = 130
# Characters of the border and its padding, left and right together.
_BORDER_WIDTH = 6
# Characters left free at the right, for the ^C that a terminal echoes after the last line.
_MARGIN = 4
# Characters between two columns.
_COLUMN_GAP = 4
# Characters of a sparkline.
_SPARKLINE_WIDTH = 20
# Newest warnings that are shown.
_MAX_WARNINGS = 4
# Losses from this value on are shown in scientific notation.
_LARGE_LOSS = 1e4
# Lines of the terminal below which only the total loss is shown.
_MIN_HEIGHT = 30


class Dashboard:
    """Collects a run's progress and renders it with rich."""

    def __init__(self, run: Run, now: Callable[[], float] = time.monotonic):
        """Start with what the run has logged before.

        Args:
            run: The run.
            now: Returns the time in seconds.
        """
        self._run = run
        self._now = now
        self._step: StepCompleted | None = None
        self._activity = "starting"
        self._activity_start = now()
        self._sparklines: dict[str, Sparkline] = {}
        rows = run.read_metrics()
        # The rows of the newest two evaluations, oldest first.
        self._evaluations = [
            [row for row in rows if row["step"] == step and _is_evaluation(row)]
            for step in _last_two_evaluations(rows)
        ]
        self._advice = next(
            (str(row["advice"]) for row in reversed(rows) if row.get("event") == "trend"), ""
        )
        checkpoints = list_checkpoints(run)
        self._checkpoint = checkpoint_step(checkpoints[-1]) if checkpoints else None
        previews = run.list_previews()
        self._preview = previews[-1] if previews else None
        self._warnings: dict[str, str] = {}
        self._skipped_steps = 0

    def __call__(self, progress: Progress) -> None:
        """Update the dashboard.

        Args:
            progress: Progress or an event of the run.
        """
        match progress:
            case StepCompleted():
                self._update_step(progress)
            case EvaluationCompleted():
                rows = [dict(result.to_row(), step=progress.step) for result in progress.results]
                self._evaluations = [*self._evaluations, rows][-2:]
                self._activity = ""
            case CheckpointSaved():
                self._checkpoint = progress.done
            case PreviewWritten():
                self._preview = progress.sheet
            case TrendChanged():
                self._advice = progress.note
            case _:
                self._activity = _describe_activity(progress)
                self._activity_start = self._now()

    def warn(self, text: str, key: str = "") -> None:
        """Show a warning.

        Args:
            text: The warning.
            key: A warning with the same key is replaced; by default, one with the same text.
        """
        self._warnings.pop(key or text, None)
        self._warnings = dict([*self._warnings.items(), (key or text, text)][-_MAX_WARNINGS:])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the dashboard for the width and height of the terminal."""
        width = min(options.max_width - _MARGIN, _MAX_WIDTH)
        tables = self._tables(console)
        needed = sum(console.measure(table).maximum + _COLUMN_GAP for table in tables)
        if needed - _COLUMN_GAP + _BORDER_WIDTH <= width:
            side_by_side = Table.grid(padding=(0, _COLUMN_GAP))
            side_by_side.add_row(*tables)
            tables = [side_by_side]
        # A low terminal cuts off the end, so the least important parts come last.
        parts: list[RenderableType] = [
            self._progress_bar(),
            *self._messages(),
            Text(),
            *_separated(tables),
            Text(),
            self._files(),
        ]
        yield Panel(
            Group(*parts),
            title=f"[bold]{' and '.join(self._run.identities)}[/]",
            title_align="left",
            box=box.ROUNDED,
            padding=(0, 2),
            width=width,
        )

    def _update_step(self, step: StepCompleted) -> None:
        self._activity = "first step completed" if self._step is None else ""
        self._step = step
        for name, value in step.metrics.losses.items():
            self._sparklines.setdefault(name, Sparkline(self._now)).add(float(value))
        if step.skipped_steps > self._skipped_steps:
            self.warn(_describe_skipped_steps(step), "skipped steps")
        self._skipped_steps = step.skipped_steps

    def _tables(self, console: Console) -> Sequence[RenderableType]:
        if self._step is None:
            return [self._evaluation_table()]
        losses = self._step.metrics.losses
        if console.size.height < _MIN_HEIGHT:
            losses = {"loss": losses["loss"]}
        has_blocks = str(console.encoding).lower().startswith("utf")
        return [self._loss_table(losses, sparklines=has_blocks), self._evaluation_table()]

    def _progress_bar(self) -> RenderableType:
        step = self._step
        if step is None:
            seconds = self._now() - self._activity_start
            return Text(f"{self._activity} ({seconds:.0f} s so far)", style="cyan")
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(ratio=1)
        grid.add_column(justify="right")
        text = f"[bold]{step.done:,}[/] of {step.total or 0:,} steps"
        if step.faces_per_second:
            text += f",  {step.faces_per_second:.0f} faces/s"
        if step.seconds_left is not None:
            text += f",  {timedelta(seconds=round(step.seconds_left))} left"
        grid.add_row(
            ProgressBar(total=step.total, completed=step.done, complete_style="cyan"), text
        )
        return Group(grid, Text(self._activity, style="cyan")) if self._activity else grid

    def _loss_table(self, losses: Mapping[str, float], *, sparklines: bool) -> RenderableType:
        """Return the total loss, its terms and the learning rate."""
        assert self._step is not None
        grid = Table.grid(padding=(0, 2))
        grid.add_column()
        grid.add_column(justify="right")
        grid.add_column(min_width=_SPARKLINE_WIDTH)
        for name, value in sorted(losses.items(), key=lambda item: item[0] != "loss"):
            style = "bold" if name == "loss" else ""
            line = self._sparklines[name].render(_SPARKLINE_WIDTH) if sparklines else ""
            grid.add_row(
                Text(name.replace("_", " "), "dim"),
                Text(f"{value:.4f}" if abs(value) < _LARGE_LOSS else f"{value:.2e}", style),
                Text(line, "cyan"),
            )
        rate = self._step.metrics.learning_rate
        grid.add_row(Text("learning rate", "dim"), Text(f"{rate:.2e}"))
        return grid

    def _evaluation_table(self) -> RenderableType:
        if not self._evaluations:
            settings = self._run.settings
            first = min(settings.evaluate_every, settings.steps)
            return Text(f"first evaluation at step {first:,}" if first else "", "dim")
        newest = self._evaluations[-1]
        previous = self._evaluations[-2] if len(self._evaluations) > 1 else []
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        table.add_column(f"step {newest[0]['step']:,}", no_wrap=True)
        for name in SWAP_METRICS:
            table.add_column(name.replace("_", " "), justify="right", no_wrap=True)
        for row in newest:
            if SWAP in row:
                before = next((old for old in previous if old.get(SWAP) == row[SWAP]), None)
                table.add_row(
                    row[SWAP], *(_format_metric(row, before, name) for name in SWAP_METRICS)
                )
        reconstructions = ", ".join(
            f"{row[RECONSTRUCTION]} {row['ssim']:.2f}" for row in newest if RECONSTRUCTION in row
        )
        lines: list[RenderableType] = [table]
        if reconstructions:
            lines.append(Text.assemble(("reconstruction  ", "dim"), f"SSIM {reconstructions}"))
        swaps = [row for row in newest if SWAP in row]
        if swaps and (reason := unjudged_reason(swaps)):
            lines.append(Text(reason, "yellow"))
        return Group(*lines)

    def _files(self) -> RenderableType:
        checkpoint = "none yet" if self._checkpoint is None else f"step {self._checkpoint:,}"
        grid = Table.grid(padding=(0, 2))
        grid.add_row(Text("checkpoint", "dim"), Text(checkpoint))
        if self._preview is not None:
            report = self._run.directory / "report.html"
            grid.add_row(Text("preview", "dim"), Text(str(self._preview), overflow="fold"))
            grid.add_row(Text("report", "dim"), Text(str(report), overflow="fold"))
        return grid

    def _messages(self) -> list[RenderableType]:
        messages = [Text(self._advice, "bold magenta")] if self._advice else []
        messages += [Text(text, "bold red") for text in self._warnings.values()]
        return [Text(), *messages] if messages else []


def _describe_activity(progress: Progress) -> str:
    if progress.stage == "evaluate":
        return f"evaluating the validation faces ({progress.done} of {progress.total})"
    if progress.stage == PARSING_STAGE:
        return f"parsing the faces of {progress.note} ({progress.done} of {progress.total})"
    if progress.stage == "memory":
        return f"building; memory: {progress.note}"
    if progress.stage == "compile":
        return progress.note
    return f"{progress.stage}: {progress.note}"


def _describe_skipped_steps(step: StepCompleted) -> str:
    steps = "1 step was" if step.skipped_steps == 1 else f"{step.skipped_steps} steps were"
    return (
        f"{time.strftime('%H:%M')}  {steps} skipped because of non-finite gradients, the last at "
        f"step {step.done:,}."
    )


def _format_metric(row: Row, previous: Row | None, name: str) -> Text:
    """Return a metric, for the score with its change."""
    value = row.get(name)
    if value is None:
        return Text("no face", "dim")
    if name != "score":
        return Text(f"{value:.2f}")
    text = Text(f"{value:.1f}", "bold")
    if previous is not None:
        change = value - previous["score"]
        text.append(f" {change:+.1f}", "green" if change > 0 else "red")
    return text


def _separated(parts: Sequence[RenderableType]) -> list[RenderableType]:
    """Put an empty line between parts."""
    return [piece for part in parts for piece in (part, Text())][:-1]


def _is_evaluation(row: Row) -> bool:
    return SWAP in row or RECONSTRUCTION in row


def _last_two_evaluations(rows: Sequence[Row]) -> list[int]:
    """Return the steps of the newest two evaluations."""
    return sorted({row["step"] for row in rows if _is_evaluation(row)})[-2:]
