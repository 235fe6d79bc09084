"""The HTML report of a run: loss, evaluations, events, previews, settings."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from faceloom.atomic import write_text
from faceloom.image_io import read_picture
from faceloom.reports import ChartLine, EventMarker, LineChart, picture_url, render_page
from faceloom_train.evaluation.evaluator import RECONSTRUCTION, SWAP
from faceloom_train.evaluation.metric_history import MetricSeries
from faceloom_train.evaluation.run_score import RunScore, newest_score
from faceloom_train.reporting.evaluation_section import EvaluationSection
from faceloom_train.runs.run_directory import Row, Run

# Preview sheets that are shown at most, evenly spread over the run.
_MAX_PREVIEWS = 12
# Keys of a step's row that have no chart among the parts of the loss.
_NO_PART = ("step", "seconds", "loss", "skipped_steps")
# CSS colors.
_LOSS_COLOR = "#2f6fbb"
_PART_COLOR = "#3a8f4d"
# Pixels.
_LOSS_SIZE = (1056, 260)
_PART_SIZE = (345, 130)
# Points that a line has at most.
_MAX_POINTS = 500


def write_report(run: Run) -> Path:
    """Write the run's `report.html` from its metrics and previews.

    Args:
        run: The run.

    Returns:
        The path of the report.
    """
    rows = run.read_metrics()
    steps = [row for row in rows if "skipped_steps" in row]
    # Changed settings, restored checkpoints and the like; the charts show their numbers.
    events = [row for row in rows if not {"seconds", SWAP, RECONSTRUCTION} & set(row)]
    markers = [EventMarker(row["step"], str(number)) for number, row in enumerate(events, 1)]
    parts = [name for name in (steps[-1] if steps else {}) if name not in _NO_PART]
    previews = [(_step_of(path), _sheet_url(path)) for path in reversed(_spread(run))]
    page = render_page(
        "faceloom_train.reporting",
        "report.html.j2",
        name=run.directory.resolve().name,
        summary=_summary(run, steps),
        verdicts=_verdicts(run),
        newest=previews[0] if previews else None,
        loss=_chart(steps, "loss", markers, _LOSS_COLOR, _LOSS_SIZE),
        parts=[
            (name.replace("_", " "), _chart(steps, name, markers, _PART_COLOR, _PART_SIZE))
            for name in parts
        ],
        evaluation=EvaluationSection.from_metrics(rows, run.settings),
        events=[(row["step"], _describe_event(row)) for row in events],
        previews=previews[1:],
        examples=_sheet_url(run.examples_path) if run.examples_path.is_file() else None,
        settings=(run.directory / "config.yaml").read_text(encoding="utf-8"),
    )
    path = run.directory / "report.html"
    write_text(path, page)
    return path


def _verdicts(run: Run) -> list[tuple[str, RunScore]]:
    """Return the identities whose face was evaluated, each with its newest score."""
    scores = [(name, newest_score(run, name)) for name in run.identities]
    return [(name, score) for name, score in scores if score]


def _summary(run: Run, steps: Sequence[Row]) -> str:
    identities = ", ".join(run.identities)
    if not steps:
        return f"{identities}; no step is logged yet."
    skipped = sum(row["skipped_steps"] for row in steps)
    last = steps[-1]
    loss = f", loss {last['loss']:.3f}" if "loss" in last else ""
    skips = f"; {skipped} steps with a non-finite loss were skipped" if skipped else ""
    return f"{identities}; step {last['step']} of {run.settings.steps}{loss}{skips}."


def _chart(
    steps: Sequence[Row],
    name: str,
    markers: Sequence[EventMarker],
    color: str,
    size: tuple[int, int],
) -> str | None:
    """Return a metric's chart on a logarithmic axis; None for fewer than two positive values."""
    known = MetricSeries.from_pairs(
        [(row["step"], row[name]) for row in steps if row.get(name, 0) > 0]
    )
    if len(known) < 2:
        return None
    line = ChartLine(known.steps, known.values, color)
    chart = LineChart([line], size, logarithmic=True, max_points=_MAX_POINTS, events=markers)
    return chart.to_svg()


def _describe_event(row: Row) -> str:
    match row.get("event"):
        case "setting_changed":
            return f"{row['setting']} changed from {row['old']} to {row['new']}"
        case "setting_chosen":
            return f"{row['setting']}: {row['value']} was chosen"
        case "restored":
            failed = f" at step {row['failed_step']}" if "failed_step" in row else ""
            return f"restored from this step's checkpoint: {row['reason']}{failed}"
        case "trend":
            return str(row["advice"])
        case "base" | "warm_start":
            percent = f"{100 * row['copied_fraction']:.0f} %"
            start = f"the base {row.get('base')}"
            if "init_from" in row:
                start = f"{row['init_from']}, step {row['init_step']}"
            return f"{percent} of the weights were copied from {start}"
    return ", ".join(f"{key}: {value}" for key, value in row.items() if key != "step")


def _spread(run: Run) -> list[Path]:
    """Return preview sheets that are evenly spread over the run, the oldest first."""
    sheets = run.list_previews()
    if not sheets:
        return []
    indices = np.linspace(0, len(sheets) - 1, _MAX_PREVIEWS).round().astype(int)
    return [sheets[index] for index in np.unique(indices).tolist()]


def _step_of(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def _sheet_url(path: Path) -> str:
    return picture_url(read_picture(path))
