"""The live panel of a run: how far it is, its loss, its last evaluation, where to look, and what went wrong."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel as Framed
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from faceloom.progress import Progress
from faceloom_train.evaluation.evaluator import DIRECTION, FIGURES, OWN
from faceloom_train.reporting.events import Advised, Drawn, Judged, Saved, Stepped
from faceloom_train.reporting.sparkline import Trail
from faceloom_train.runs.checkpoint import list_checkpoints
from faceloom_train.runs.run_directory import Row, Run

# Characters: of the panel at most, of its frame, between two columns, of a figure's last minutes.
_WIDEST, _FRAME, _GAP, _TRAIL = 130, 6, 4, 20
_WARNINGS, _LARGE = 4, 1e4
# Lines that all of it takes, in one column: a lower terminal shows the loss without its parts.
_HIGH = 30


class Panel:
    """Takes a run's progress and draws itself. Begins with what the run has noted before."""

    def __init__(self, run: Run, now: Callable[[], float] = time.monotonic):
        self._run, self._now = run, now
        self._stepped: Stepped | None = None
        self._doing = "getting ready"
        self._trails: dict[str, Trail] = {}
        rows = run.rows()
        # The newest two evaluations, the last one last.
        self._judged = [
            [row for row in rows if row["step"] == step and _is_judged(row)]
            for step in _last_two(rows)
        ]
        self._advice = next((str(row["said"]) for row in reversed(rows) if "plateau" in row), "")
        saved, sheets = list_checkpoints(run), run.previews()
        self._saved = int(saved[-1].name.removeprefix("step-")) if saved else None
        self._sheet = sheets[-1] if sheets else None
        self._warnings: dict[str, str] = {}
        self._skipped = 0

    def __call__(self, progress: Progress) -> None:
        """Take progress in."""
        match progress:
            case Stepped():
                self._take_step(progress)
            case Judged():
                self._judged = [
                    *self._judged,
                    [dict(one.to_row(), step=progress.step) for one in progress.judgments],
                ]
                self._judged = self._judged[-2:]
                self._doing = ""
            case Saved():
                self._saved = progress.done
            case Drawn():
                self._sheet = progress.sheet
            case Advised():
                self._advice = progress.note
            case _:
                self._doing = _said_of(progress)

    def warn(self, text: str, key: str = "") -> None:
        """Keep a warning in sight; one of the same key takes its place."""
        self._warnings.pop(key or text, None)
        self._warnings = dict([*self._warnings.items(), (key or text, text)][-_WARNINGS:])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it as wide as there is room for."""
        # The terminal echoes ^C behind the last line: it must not wrap.
        width = min(options.max_width - 4, _WIDEST)
        trails = str(console.encoding).lower().startswith("utf")
        figures: Sequence[RenderableType] = (self._evaluation(),)
        if self._stepped is not None:
            values = (
                self._stepped.values
                if console.size.height >= _HIGH
                else {"loss": self._stepped.values["loss"]}
            )
            figures = (self._losses(values, self._stepped.rate, trails=trails), *figures)
        if (
            sum(console.measure(figure).maximum + _GAP for figure in figures) - _GAP + _FRAME
            <= width
        ):
            beside = Table.grid(padding=(0, _GAP))
            beside.add_row(*figures)
            figures = (beside,)
        # A low terminal cuts off what is at the end.
        parts: list[RenderableType] = [
            self._bar(),
            *self._words(),
            Text(),
            *_apart(figures),
            Text(),
            self._places(),
        ]
        title = f"[bold]{' and '.join(self._run.identities)}[/]"
        yield Framed(
            Group(*parts),
            title=title,
            title_align="left",
            box=box.ROUNDED,
            padding=(0, 2),
            width=width,
        )

    def _take_step(self, step: Stepped) -> None:
        first = self._stepped is None
        self._stepped = step
        self._doing = "first step made" if first else ""
        for name, value in step.values.items():
            self._trails.setdefault(name, Trail(self._now)).add(float(value))
        if step.skipped > self._skipped:
            self.warn(_said_of_skipped(step), "skipped")
        self._skipped = step.skipped

    def _bar(self) -> RenderableType:
        step = self._stepped
        if step is None:
            return Text(self._doing, style="cyan")
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(ratio=1)
        grid.add_column(justify="right")
        said = f"[bold]{step.done:,}[/] of {step.total or 0:,} steps"
        if step.faces_per_second:
            said += f",  {step.faces_per_second:.0f} faces/s"
        if step.seconds_left is not None:
            said += f",  {timedelta(seconds=round(step.seconds_left))} left"
        grid.add_row(
            ProgressBar(total=step.total, completed=step.done, complete_style="cyan"), said
        )
        return Group(grid, Text(self._doing, style="cyan")) if self._doing else grid

    def _losses(self, values: Mapping[str, float], rate: float, *, trails: bool) -> RenderableType:
        """The loss, then its parts, each with its last minutes."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column()
        grid.add_column(justify="right")
        grid.add_column(min_width=_TRAIL)
        for name, value in sorted(values.items(), key=lambda named: named[0] != "loss"):
            style = "bold" if name == "loss" else ""
            trail = self._trails[name].draw(_TRAIL) if trails else ""
            grid.add_row(
                Text(name, "dim"),
                Text(f"{value:.4f}" if abs(value) < _LARGE else f"{value:.2e}", style),
                Text(trail, "cyan"),
            )
        grid.add_row(Text("learning rate", "dim"), Text(f"{rate:.2e}"))
        return grid

    def _evaluation(self) -> RenderableType:
        if not self._judged:
            every = self._run.settings.evaluate_every
            return Text(
                f"first judged at step {min(every, self._run.settings.steps):,}" if every else "",
                "dim",
            )
        newest, before = self._judged[-1], self._judged[-2] if len(self._judged) > 1 else []
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        table.add_column(f"step {newest[0]['step']:,}", no_wrap=True)
        for name in FIGURES:
            table.add_column(name, justify="right", no_wrap=True)
        for row in newest:
            if DIRECTION in row:
                last = next((old for old in before if old.get(DIRECTION) == row[DIRECTION]), None)
                table.add_row(row[DIRECTION], *(_figure(row, last, name) for name in FIGURES))
        redrawn = ", ".join(f"{row[OWN]} {row['ssim']:.2f}" for row in newest if OWN in row)
        return (
            Group(table, Text.assemble(("drawn as themselves  ", "dim"), f"SSIM {redrawn}"))
            if redrawn
            else table
        )

    def _places(self) -> RenderableType:
        saved = "none yet" if self._saved is None else f"step {self._saved:,}"
        grid = Table.grid(padding=(0, 2))
        grid.add_row(Text("checkpoint", "dim"), Text(saved))
        if self._sheet is not None:
            grid.add_row(Text("pictures", "dim"), Text(str(self._sheet), overflow="fold"))
            grid.add_row(
                Text("page", "dim"), Text(str(self._run.directory / "report.html"), overflow="fold")
            )
        return grid

    def _words(self) -> list[RenderableType]:
        said = [Text(self._advice, "bold magenta")] if self._advice else []
        said += [Text(text, "bold red") for text in self._warnings.values()]
        return [Text(), *said] if said else []


def _said_of(progress: Progress) -> str:
    if progress.stage == "evaluate":
        return f"judging the held-out faces ({progress.done} of {progress.total})"
    if progress.stage == "memory":
        return f"compiling the first step; memory: {progress.note}"
    return f"{progress.stage}: {progress.note}"


def _said_of_skipped(step: Stepped) -> str:
    steps = "A step was" if step.skipped == 1 else f"{step.skipped} steps were"
    return f"{time.strftime('%H:%M')}  {steps} no number and skipped, last at step {step.done:,}."


def _figure(row: Row, before: Row | None, name: str) -> Text:
    """Return a figure; of the score also how it changed."""
    value = row.get(name)
    if value is None:
        return Text("no face", "dim")
    if name != "score":
        return Text(f"{value:.2f}")
    text = Text(f"{value:.1f}", "bold")
    if before is not None:
        change = value - before["score"]
        text.append(f" {change:+.1f}", "green" if change > 0 else "red")
    return text


def _apart(parts: Sequence[RenderableType]) -> list[RenderableType]:
    """Put an empty line between parts."""
    return [piece for part in parts for piece in (part, Text())][:-1]


def _is_judged(row: Row) -> bool:
    return DIRECTION in row or OWN in row


def _last_two(rows: Sequence[Row]) -> list[int]:
    return sorted({row["step"] for row in rows if _is_judged(row)})[-2:]
