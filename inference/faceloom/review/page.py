"""The review as one page that needs nothing from outside."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import Template

import numpy as np

from faceloom import __version__
from faceloom.pages import data_url
from faceloom.review.charts import colour_strip, histogram, light_map, pose_map
from faceloom.review.coverage import ENOUGH, NEAR, uncovered_poses
from faceloom.review.findings import Finding
from faceloom.review.pictures import Sheet, contact_sheets, target_sheet
from faceloom.review.statistics import Direction, FaceTable, Person, Target
from faceloom.review.verdict import Verdict

_COLOURS = ("#2f6fbb", "#c2571a", "#3a8f4d", "#8a4fae", "#b8860b", "#3a8a94")
_TARGET_COLOUR = "#555"
_MOST_SOURCES = 10

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Faceloom: review of the footage</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem }
h3 { font-size: .95rem; margin: .9rem 0 .3rem; font-weight: 600 } p { margin: .3rem 0 } small, .quiet { color: #666 }
.row { display: flex; flex-wrap: wrap; gap: 1rem 1.6rem; align-items: flex-start }
.card { border: 1px solid #ddd; border-top: 4px solid; border-radius: 6px; padding: .7rem 1rem; flex: 1 1 20rem }
.ready { border-top-color: #2e8b57 } .usable { border-top-color: #e0a100 } .not { border-top-color: #c62828 }
.card b { font-size: 1.1rem } ol { list-style: none; padding: 0; margin: 0 }
li { display: grid; grid-template-columns: 5.5rem 1fr; gap: .8rem; padding: .5rem 0;
  border-bottom: 1px solid #eee }
.mark { font-size: .8rem; font-weight: 600; text-align: center; border-radius: 4px; padding: .1rem 0;
  align-self: start }
.grave { background: #fbdcdc; color: #a01414 } .warning { background: #fdf0cd; color: #7a5600 }
.note { background: #e6edf5; color: #345 }
figure { margin: 0; text-align: center } figure img { width: 78px; height: 78px; border-radius: 4px; display: block }
figcaption { font-size: .75rem; color: #666 } .sheet { display: flex; flex-wrap: wrap; gap: .35rem }
.name { font-weight: 600; border-left: .8rem solid; padding-left: .5rem; line-height: 1.1; margin: .5rem 0 }
.person { margin-bottom: 1.6rem }
svg text { font: 11px system-ui, sans-serif; fill: #666 } svg { max-width: 100%; height: auto }
table { border-collapse: collapse } td, th { padding: .3rem 1.6rem .3rem 0; vertical-align: top; text-align: left }
th { font-weight: 400; color: #666; max-width: 9rem }
.bar { display: inline-block; height: .7rem; margin-right: .4rem }
</style></head><body>
<h1>What the footage has and lacks</h1>
<p class="quiet">$subject. Left and right are the picture's.</p>
<h2>Ready to train?</h2>$verdicts
<h2>Findings</h2>$findings
<h2>Faces</h2>$sheets
<h2>Where the heads turn</h2>
<p class="quiet">The darker a cell, the more faces. $legend</p><div class="row">$poses</div>
<h2>Light and colour</h2>
<p class="quiet">A dot a face, on the side its light comes from. Below, the mean colours of the faces from dark to
light.</p><div class="row">$lights</div>
<h2>Expression, sharpness, size</h2>$histograms
<h2>Where the faces come from</h2><div class="row">$sources</div>
<p><small>Faceloom $version</small></p>
</body></html>
""")


@dataclass(frozen=True, slots=True)
class _Subject:
    """A person or the target, as a column of the page."""

    name: str
    table: FaceTable
    colour: str


def build_page(
    people: Sequence[Person],
    target: Target | None,
    directions: Sequence[Direction],
    verdicts: Sequence[Verdict],
    findings: Sequence[Finding],
) -> str:
    """Return the page's text. `directions` and `verdicts` belong together."""
    subjects = [_Subject(p.name, p.table, _COLOURS[n % len(_COLOURS)]) for n, p in enumerate(people)]
    columns = [*subjects, _Subject(target.name, target.table, _TARGET_COLOUR)] if target else subjects
    colours = {subject.name: subject.colour for subject in columns}
    return _PAGE.substitute(
        subject=html.escape(_said(people, target)),
        verdicts=f'<div class="row">{"".join(map(_verdict, verdicts))}</div>' if verdicts else _NO_VERDICT,
        findings=f"<ol>{''.join(map(_finding, findings))}</ol>" if findings else "<p>Nothing was found wrong.</p>",
        sheets="".join(_sheets(p.name, colours[p.name], contact_sheets(p)) for p in people)
        + (_sheets(target.name, _TARGET_COLOUR, (target_sheet(target),)) if target else ""),
        legend=html.escape(_LEGEND) if directions else "",
        poses=_each(columns, lambda s: _pose_map(s, [d for d in directions if d.guest.name == s.name])),
        lights=_each(columns, lambda s: light_map(s.table.across, s.table.down, s.colour) + _strip(s.table)),
        histograms=_histograms(columns),
        sources=_each(subjects, lambda s: _sources(next(p for p in people if p.name == s.name), s.colour)),
        version=__version__,
    )


_LEGEND = (
    f"Outlined: what the other side needs. Red: the guest has fewer than {ENOUGH} faces within {NEAR:.0f} degrees."
)
_NO_VERDICT = "<p>One face set and no target: give a second face set, or --target, to have a pair judged.</p>"


def _said(people: Sequence[Person], target: Target | None) -> str:
    sets = ", ".join(f"{person.name}: {len(person)} faces" for person in people)
    if not target:
        return sets
    seen = f"{len(target.table)} faces in {target.frames} frames (one frame in {target.every})"
    return f"{sets}; target {target.name}: {seen}"


def _verdict(verdict: Verdict) -> str:
    return (
        f'<div class="card {verdict.readiness.split(",")[0].split()[0]}"><b>{html.escape(verdict.guest)}\'s face on '
        f"{html.escape(verdict.host)}: {verdict.readiness}</b>"
        f"<p>{html.escape(verdict.guest)} has enough faces for the poses in {100 * verdict.covered:.0f} % of the "
        f"{verdict.unit}.</p>"
        f"<p>What helps most: {html.escape(verdict.help_most)}</p></div>"
    )


def _finding(finding: Finding) -> str:
    return (
        f'<li><span class="mark {finding.severity.value}">{finding.severity.value}</span>'
        f'<div><b>{html.escape(finding.text)}</b><p class="quiet">{html.escape(finding.action)}</p></div></li>'
    )


def _sheets(name: str, colour: str, sheets: Sequence[Sheet]) -> str:
    parts = [_name(name, colour)]
    for sheet in sheets:
        figures = "".join(
            f'<figure><img alt="a face of {html.escape(name)}" src="{data_url(thumb.picture)}">'
            f"<figcaption>{html.escape(thumb.caption)}</figcaption></figure>"
            for thumb in sheet.thumbs
        )
        parts.append(f'<h3>{html.escape(sheet.title)}</h3><div class="sheet">{figures}</div>')
    return f'<div class="person">{"".join(parts)}</div>'


def _pose_map(subject: _Subject, directions: Sequence[Direction]) -> str:
    none = np.zeros((0, 2), np.float32)
    needed = [np.stack([direction.host.yaw, direction.host.pitch], 1) for direction in directions]
    missing = [uncovered_poses(direction) for direction in directions]
    return pose_map(subject.table, subject.colour, np.concatenate([none, *needed]), np.concatenate([none, *missing]))


def _strip(table: FaceTable) -> str:
    return f"<div>{colour_strip(table.lab)}</div>"


def _histograms(columns: Sequence[_Subject]) -> str:
    largest = max(float(np.percentile(subject.table.size, 98)) for subject in columns)
    # What, column of the table, ends of the axis, unit.
    rows = (
        ("mouth open (eye widths)", "mouth_open", 0, 1, ""),
        ("eyes open (of their width)", "eyes_open", 0, 0.5, ""),
        ("sharpness (below 0.2 is blurred)", "sharpness", 0, 1.2, ""),
        ("size", "size", 0, max(100, 50 * np.ceil(largest / 50)), " px"),
    )
    head = "".join(f"<td>{_name(s.name, s.colour)}</td>" for s in columns)
    body = "".join(
        f"<tr><th>{said}</th>"
        + "".join(f"<td>{histogram(getattr(s.table, column), low, high, s.colour, unit)}</td>" for s in columns)
        + "</tr>"
        for said, column, low, high, unit in rows
    )
    return f"<table><tr><th></th>{head}</tr>{body}</table>"


def _sources(person: Person, colour: str) -> str:
    shown, rest = person.sources[:_MOST_SOURCES], person.sources[_MOST_SOURCES:]
    rows = [(share.name, share.faces) for share in shown]
    if rest:
        rows.append((f"{len(rest)} more files", sum(share.faces for share in rest)))
    return "<table>" + "".join(_source(name, faces / len(person), colour) for name, faces in rows) + "</table>"


def _source(name: str, share: float, colour: str) -> str:
    bar = f'<span class="bar" style="width:{9 * share:.2f}rem;background:{colour}"></span>'
    return f"<tr><th>{html.escape(name)}</th><td>{bar}{100 * share:.0f} %</td></tr>"


def _each(subjects: Sequence[_Subject], draw: Callable[[_Subject], str]) -> str:
    return "".join(f"<div>{_name(subject.name, subject.colour)}{draw(subject)}</div>" for subject in subjects)


def _name(name: str, colour: str) -> str:
    return f'<p class="name" style="border-color:{colour}">{html.escape(name)}</p>'
