"""A run as one page that needs nothing from outside: its loss, what happened to it, what it drew."""

import html
from collections.abc import Sequence
from pathlib import Path
from string import Template

import numpy as np

from faceloom import __version__
from faceloom.atomic import write_text
from faceloom.html import data_url, page_jpeg
from faceloom.image_io import read_picture
from faceloom_train.evaluation.evaluator import DIRECTION, OWN
from faceloom_train.evaluation.metric_history import Column
from faceloom_train.reporting.evaluation_section import judged_part
from faceloom_train.reporting.svg_charts import Line, Mark, curve
from faceloom_train.runs.run_directory import Row, Run

_SHOWN = 12
# Below the loss stand its parts and the learning rate.
_NO_PARTS = ("step", "seconds", "loss", "skipped")
_LOSS_COLOR, _PART_COLOR = "#2f6fbb", "#3a8f4d"

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Faceloom: $name</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem }
h3 { font-size: .95rem; margin: .9rem 0 .3rem; font-weight: 600 } .quiet, small { color: #666 }
.row { display: flex; flex-wrap: wrap; gap: 1rem 1.6rem } svg { max-width: 100%; height: auto }
svg text { font: 11px system-ui, sans-serif; fill: #666 } svg .mark { fill: #a01414; font-weight: 600 }
table { border-collapse: collapse } th { text-align: left; padding-right: 1.6rem }
td { padding: .25rem 1.6rem .25rem 0; border-bottom: 1px solid #eee }
.said { border-left: 4px solid #c2571a; padding: .3rem 0 .3rem .8rem }
img { max-width: 100%; border-radius: 4px } pre { background: #f4f4f4; padding: 1rem; overflow-x: auto }
</style></head><body>
<h1>$name</h1>
<p class="quiet">$said</p>
<h2>Loss</h2>$loss
<div class="row">$parts</div>
<h2>How good the swaps are</h2>
$judged
<h2>What happened to it</h2>$events
<h2>What it drew</h2>
<p class="quiet">For each pair of people, from the left: the first, drawn as the first, drawn as the second; the second,
drawn as the second, drawn as the first.</p>$previews
<h2>What it learns from</h2>
<p class="quiet">A few faces of each person as the network sees them, what it must draw, and the mask.</p>$examples
<h2>Settings</h2><details><summary>config.yaml</summary><pre>$settings</pre></details>
<p><small>Faceloom $version</small></p>
</body></html>
""")


def write_report(run: Run) -> Path:
    """Write the run's report.html from its metrics and previews; return its path."""
    rows = run.rows()
    steps = [row for row in rows if "loss" in row or "skipped" in row]
    # Settings, restores and the like: a number each, which the curves show.
    events = [row for row in rows if not {"seconds", DIRECTION, OWN} & set(row)]
    marks = [Mark(int(row["step"]), str(number)) for number, row in enumerate(events, 1)]
    parts = [name for name in (steps[-1] if steps else {}) if name not in _NO_PARTS]
    page = _PAGE.substitute(
        name=html.escape(run.directory.resolve().name),
        said=html.escape(_said(run, steps)),
        loss=_curve(steps, "loss", marks, _LOSS_COLOR, 1040, 260),
        parts="".join(
            f"<div><h3>{html.escape(name.replace('_', ' '))}</h3>{_curve(steps, name, marks, _PART_COLOR, 335, 130)}"
            "</div>"
            for name in parts
        ),
        judged=judged_part(rows, run.settings),
        events=_events(events),
        previews=_previews(run),
        examples=_sheet(run.examples) if run.examples.is_file() else "<p>Nothing yet.</p>",
        settings=html.escape((run.directory / "config.yaml").read_text(encoding="utf-8")),
        version=__version__,
    )
    path = run.directory / "report.html"
    write_text(path, page)
    return path


def _said(run: Run, steps: Sequence[Row]) -> str:
    people = ", ".join(run.identities)
    if not steps:
        return f"{people}; not one step was noted yet."
    skipped = sum(row.get("skipped", 0) for row in steps)
    last = steps[-1]
    loss = f", loss {last['loss']:.3f}" if "loss" in last else ""
    passed = f"; {skipped} steps were no number and were skipped" if skipped else ""
    return f"{people}; step {last['step']} of {run.settings.steps}{loss}{passed}."


def _curve(
    steps: Sequence[Row], name: str, marks: Sequence[Mark], color: str, width: int, height: int
) -> str:
    known = Column.of([(row["step"], row[name]) for row in steps if row.get(name, 0) > 0])
    if len(known) < 2:
        return '<p class="quiet">Too few figures yet.</p>'
    return curve([Line(known.steps, known.values, color)], marks, (width, height), logarithmic=True)


def _events(events: Sequence[Row]) -> str:
    if not events:
        return "<p>Nothing but steps.</p>"
    rows = "".join(
        f"<tr><td>{number}</td><td>step {row['step']}</td><td>{html.escape(_told(row))}</td></tr>"
        for number, row in enumerate(events, 1)
    )
    return f"<table>{rows}</table>"


def _told(row: Row) -> str:
    """Say what a row of the metrics that is no step means."""
    if "changed" in row:
        return f"{row['changed']}: {row['from']} became {row['to']}"
    if "restored" in row:
        left = f" at step {row['left']}" if "left" in row else ""
        return f"went back to this step: {row['restored']}{left}"
    if "chosen" in row:
        return f"{row['chosen']}: {row['to']} was chosen"
    if "plateau" in row:
        return str(row["said"])
    if "init_from" in row:
        share = f"{100 * row['share']:.0f} %"
        return f"{share} of the weights came from {row['init_from']}, step {row['of_step']}"
    return ", ".join(f"{key}: {value}" for key, value in row.items() if key != "step")


def _previews(run: Run) -> str:
    sheets = run.previews()
    picked = [
        sheets[n]
        for n in np.unique(np.linspace(0, len(sheets) - 1, _SHOWN).round().astype(int))
        if sheets
    ]
    return (
        "".join(
            f"<h3>Step {int(path.stem.removeprefix('step-'))}</h3>{_sheet(path)}"
            for path in reversed(picked)
        )
        or "<p>Nothing yet.</p>"
    )


def _sheet(path: Path) -> str:
    return f'<img alt="sheet of faces" src="{data_url(page_jpeg(read_picture(path)))}">'
