"""The review as one page that needs nothing from outside."""

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import starmap
from operator import attrgetter
from string import Template

import numpy as np

from faceloom import __version__
from faceloom.html import data_url
from faceloom.review.charts import Axis, color_strip, histogram, light_map, pose_map
from faceloom.review.coverage import ENOUGH_FACES, NEAR_DEGREES, uncovered_poses
from faceloom.review.face_thumbnails import ContactSheet, contact_sheets, target_sheet
from faceloom.review.finding import ReviewFinding, format_counts, group_by_subject
from faceloom.review.statistics import (
    BLURRED,
    CLOSED_EYES,
    FaceSetStatistics,
    FaceTable,
    FaceValues,
    SwapDirection,
    TargetStatistics,
)
from faceloom.review.verdict import Verdict

_COLORS = ("#2f6fbb", "#c2571a", "#3a8f4d", "#8a4fae", "#b8860b", "#3a8a94")
_TARGET_COLORS = ("#444", "#777", "#a0a0a0")
_MOST_SOURCES = 10

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Faceloom: review of the footage</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem }
h3 { font-size: .95rem; margin: .9rem 0 .3rem; font-weight: 600 }
.group { font-size: 1.05rem; margin: 1.5rem 0 .2rem } .group small { font-weight: 400; margin-left: .4rem }
p { margin: .3rem 0 } small, .quiet { color: #666 }
.row { display: flex; flex-wrap: wrap; gap: 1rem 1.6rem; align-items: flex-start }
.grid { display: grid; gap: .8rem 1rem; grid-template-columns: repeat(auto-fill, minmax(min(var(--least), 100%), 1fr)) }
.grid > div { min-width: 0 } .poses { --least: 17rem } .lights { --least: 15rem } .charts { --least: 11.8rem }
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
.name { font-weight: 600; border-left: .8rem solid; padding-left: .5rem; line-height: 1.1; margin: .5rem 0;
  overflow-wrap: anywhere }
.person { margin-bottom: 1.6rem }
svg text { font: 11px system-ui, sans-serif; fill: #666 } svg { max-width: 100%; height: auto }
pre { font: 13px/1.4 ui-monospace, monospace; background: #f4f4f4; border-radius: 4px; padding: .3rem .5rem;
  margin: .3rem 0; white-space: pre-wrap; overflow-wrap: anywhere }
table { border-collapse: collapse } td, th { padding: .3rem .8rem .3rem 0; vertical-align: top; text-align: left }
td { white-space: nowrap }
th { font-weight: 400; color: #666; max-width: 9rem; overflow-wrap: anywhere }
code { font: .92em ui-monospace, monospace; white-space: nowrap }
.bar { display: inline-block; height: .7rem; margin-right: .4rem }
</style></head><body>
<h1>What the footage has and lacks</h1>
<p class="quiet">$subject. Left and right are the picture's.</p>
<h2>Ready to train?</h2>$verdicts
<h2>Findings</h2>$findings
<h2>Faces</h2>$sheets
<h2>Where the heads turn</h2>
<p class="quiet">The darker a cell, the more faces. $legend</p><div class="grid poses">$poses</div>
<h2>Lighting and color</h2>
<p class="quiet">A dot a face, on the side its light comes from. Below, the mean colors of the faces from dark to
light.</p><div class="grid lights">$lights</div>
<h2>Expression, sharpness, size</h2>$histograms
<h2>Where the faces come from</h2><div class="grid poses">$sources</div>
<p><small>Faceloom $version</small></p>
</body></html>
""")


@dataclass(frozen=True, slots=True)
class _Subject:
    """A person, or one of the target's, as a column of the page."""

    name: str
    table: FaceTable
    color: str


def build_page(
    people: Sequence[FaceSetStatistics],
    target: TargetStatistics | None,
    directions: Sequence[SwapDirection],
    verdicts: Sequence[Verdict],
    findings: Sequence[ReviewFinding],
) -> str:
    """Return the page's text. `directions` and `verdicts` belong together."""
    subjects = [_Subject(p.name, p.table, _COLORS[n % len(_COLORS)]) for n, p in enumerate(people)]
    hosts = target.people if target else ()
    seen = [
        _Subject(h.name, h.table, _TARGET_COLORS[n % len(_TARGET_COLORS)])
        for n, h in enumerate(hosts)
    ]
    columns = [*subjects, *seen]
    return _PAGE.substitute(
        subject=html.escape(_said(people, target)),
        verdicts=f'<div class="row">{"".join(map(_verdict, verdicts))}</div>'
        if verdicts
        else _NO_VERDICT,
        findings="".join(starmap(_findings, group_by_subject(findings).items()))
        or "<p>Nothing was found wrong.</p>",
        sheets="".join(_sheets(s, contact_sheets(p)) for s, p in zip(subjects, people, strict=True))
        + "".join(_sheets(s, (target_sheet(h),)) for s, h in zip(seen, hosts, strict=True)),
        legend=html.escape(_LEGEND) if directions else "",
        poses=_each(
            columns, lambda s: _pose_map(s, [d for d in directions if d.source.name == s.name])
        ),
        lights=_each(
            columns,
            lambda s: light_map(s.table.gradient_x, s.table.gradient_y, s.color) + _strip(s.table),
        ),
        histograms=_histograms(columns),
        sources="".join(_sources(s, p) for s, p in zip(subjects, people, strict=True)),
        version=__version__,
    )


_LEGEND = f"Outlined: what the other side needs. Red: the guest has fewer than {ENOUGH_FACES} faces within {NEAR_DEGREES:.0f} degrees."
_NO_VERDICT = (
    "<p>One face set and no target: give a second face set, or --target, to have a pair judged.</p>"
)


def _said(people: Sequence[FaceSetStatistics], target: TargetStatistics | None) -> str:
    sets = ", ".join(f"{person.name}: {len(person)} faces" for person in people)
    if not target:
        return sets
    faces, count = sum(len(person.table) for person in target.people), len(target.people)
    of = f" of {count} people" if count > 1 else ""
    return f"{sets}; target {target.name}: {faces} faces{of} in {target.frames} frames (one frame in {target.every})"


def _verdict(verdict: Verdict) -> str:
    return (
        f'<div class="card {verdict.readiness.split(",")[0].split()[0]}"><b>{html.escape(verdict.source)}\'s face on '
        f"{html.escape(verdict.target)}: {verdict.readiness}</b>"
        f"<p>{html.escape(verdict.source)} has enough faces for the poses in {100 * verdict.covered:.0f} % of the "
        f"{verdict.unit}.</p>"
        f"<p>What helps most: {_action(verdict.next_action)}</p>{_command(verdict.command)}</div>"
    )


def _findings(about: str, findings: Sequence[ReviewFinding]) -> str:
    return (
        f'<h3 class="group">{html.escape(about)} <small>{format_counts(findings)}</small></h3>'
        f"<ol>{''.join(map(_finding, findings))}</ol>"
    )


def _finding(finding: ReviewFinding) -> str:
    return (
        f'<li><span class="mark {finding.severity.value}">{finding.severity.value}</span>'
        f'<div><b>{html.escape(finding.text)}</b><p class="quiet">{_action(finding.action)}</p>'
        f"{_command(finding.command)}</div></li>"
    )


def _action(text: str) -> str:
    """What to do, its options kept from being broken at their hyphens."""
    return re.sub(r"--[a-z-]+", r"<code>\g<0></code>", html.escape(text))


def _command(command: str) -> str:
    return f"<pre>{html.escape(command)}</pre>" if command else ""


def _sheets(subject: _Subject, sheets: Sequence[ContactSheet]) -> str:
    parts = [_named(subject)]
    for sheet in sheets:
        figures = "".join(
            f'<figure><img alt="a face of {html.escape(subject.name)}" src="{data_url(thumb.picture)}">'
            f"<figcaption>{html.escape(thumb.caption)}</figcaption></figure>"
            for thumb in sheet.thumbs
        )
        parts.append(f'<h3>{html.escape(sheet.title)}</h3><div class="sheet">{figures}</div>')
    return f'<div class="person">{"".join(parts)}</div>'


def _pose_map(subject: _Subject, directions: Sequence[SwapDirection]) -> str:
    none = np.zeros((0, 2), np.float32)
    needed = [
        np.stack([direction.target.yaw, direction.target.pitch], 1) for direction in directions
    ]
    missing = [uncovered_poses(direction) for direction in directions]
    return pose_map(
        subject.table,
        subject.color,
        np.concatenate([none, *needed]),
        np.concatenate([none, *missing]),
    )


def _strip(table: FaceTable) -> str:
    return f"<div>{color_strip(table.lab)}</div>"


def _histograms(columns: Sequence[_Subject]) -> str:
    largest = max(float(np.percentile(subject.table.size, 98)) for subject in columns)
    eyes = "Eyes, beside how far the same person's usually are open; shaded: shut"
    size = Axis(0, max(100, 50 * float(np.ceil(largest / 50))), " px")
    sharp = Axis(0, 1.2, "", "blurred", "sharp", BLURRED)
    rows = (
        _charts(
            columns,
            "Mouth, in widths of an eye",
            attrgetter("mouth_open"),
            Axis(0, 1, "", "shut", "wide open"),
        ),
        _charts(
            columns,
            eyes,
            FaceTable.relative_eye_opening,
            Axis(0.4, 1.3, "", "shut", "wide open", CLOSED_EYES),
        ),
        _charts(columns, "Sharpness; shaded: blurred", attrgetter("sharpness"), sharp),
        _charts(columns, "Size of the face", attrgetter("size"), size),
    )
    return "".join(rows)


def _charts(
    columns: Sequence[_Subject], said: str, values: Callable[[FaceTable], FaceValues], axis: Axis
) -> str:
    drawn = _each(columns, lambda s: histogram(values(s.table), axis, s.color))
    return f'<h3>{html.escape(said)}</h3><div class="grid charts">{drawn}</div>'


def _sources(subject: _Subject, person: FaceSetStatistics) -> str:
    shown, rest = person.files[:_MOST_SOURCES], person.files[_MOST_SOURCES:]
    rows = [(share.name, share.faces) for share in shown]
    if rest:
        rows.append((f"{len(rest)} more files", sum(share.faces for share in rest)))
    table = "".join(_source(name, faces / len(person), subject.color) for name, faces in rows)
    return f"<div>{_named(subject)}<table>{table}</table></div>"


def _source(name: str, share: float, color: str) -> str:
    bar = f'<span class="bar" style="width:{5 * share:.2f}rem;background:{color}"></span>'
    return f"<tr><th>{html.escape(name)}</th><td>{bar}{100 * share:.0f} %</td></tr>"


def _each(subjects: Sequence[_Subject], draw: Callable[[_Subject], str]) -> str:
    return "".join(f"<div>{_named(subject)}{draw(subject)}</div>" for subject in subjects)


def _named(subject: _Subject) -> str:
    return f'<p class="name" style="border-color:{subject.color}">{html.escape(subject.name)}</p>'
