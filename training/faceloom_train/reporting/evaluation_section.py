"""The part of a run's page that shows how good its swaps are, and whether more steps help."""

import html
from collections.abc import Sequence

from faceloom_train.config.schema import TrainConfig
from faceloom_train.evaluation.evaluator import DIRECTION, FIGURES, OWN
from faceloom_train.evaluation.metric_history import Column, columns_by_subject
from faceloom_train.evaluation.plateau import advice_of
from faceloom_train.reporting.svg_charts import COLORS, Line, curve
from faceloom_train.runs.run_directory import Row

_SHOWN = 12
_EXPLAINED = """<p class="quiet">Faces that are not trained on, exchanged and judged: a score of 100 would be perfect.
Identity is 0 for the untouched face and 1 for a real picture; expression is the share of the movement that is kept;
cycle is how alike (SSIM) a face is that was drawn as the other person and back; redrawn, one drawn as itself.</p>"""


def judged_part(rows: Sequence[Row], settings: TrainConfig) -> str:
    """Return the HTML of what was judged: whether more steps help, curves, the newest judgments."""
    if not any(DIRECTION in row for row in rows):
        return f"{_EXPLAINED}<p>Not judged yet.</p>"
    said = advice_of(rows, settings)
    sentence = html.escape(f"{said[:1].upper()}{said[1:]}.")
    return f'{_EXPLAINED}<p class="said">{sentence}</p>{_curves(rows)}{_table(rows)}'


def _curves(rows: Sequence[Row]) -> str:
    drawn = {name: columns_by_subject(rows, DIRECTION, name) for name in FIGURES}
    drawn["redrawn"] = columns_by_subject(rows, OWN, "ssim")
    return f'<div class="row">{"".join(_panel(title, columns) for title, columns in drawn.items() if columns)}</div>'


def _panel(title: str, columns: dict[str, Column]) -> str:
    """A curve of each subject, under names in its color."""
    colored = [
        (name, column, COLORS[n % len(COLORS)]) for n, (name, column) in enumerate(columns.items())
    ]
    lines = [Line(column.steps, column.values, color) for _, column, color in colored]
    names = ", ".join(
        f'<span style="color:{color}">{html.escape(name)}</span>' for name, _, color in colored
    )
    return f"<div><h3>{title}: {names}</h3>{curve(lines, [], (335, 150), dots=True)}</div>"


def _table(rows: Sequence[Row]) -> str:
    """The newest judgments of directions, the last first."""
    judged = [row for row in rows if DIRECTION in row]
    head = "".join(f"<th>{name}</th>" for name in ("step", "swap", *FIGURES))
    body = "".join(
        f"<tr><td>{row['step']}</td><td>{html.escape(row[DIRECTION])}</td>"
        + "".join(f"<td>{_cell(row.get(name))}</td>" for name in FIGURES)
        + "</tr>"
        for row in reversed(judged[-_SHOWN:])
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: float | None) -> str:
    return "no face" if value is None else f"{value:.3g}"
