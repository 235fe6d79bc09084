"""The comparison as one page that needs nothing from outside: table, curves, and the frames that are worst."""

import html
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import Template

from faceloom import __version__
from faceloom.array_types import Rgb
from faceloom.atomic import write_text
from faceloom.compare.compare import Judged
from faceloom.compare.curves import COLORS, Line, curve
from faceloom.compare.metrics import BY_NAME
from faceloom.compare.result import Comparison, Version, cell, verdict
from faceloom.html import data_url, page_jpeg

# Worst frames are shown of these figures; of the others they are the same frames, or show nothing.
_SHOWN = (
    "identity",
    "mouth",
    "eyes",
    "sharpness",
    "color",
    "seam",
    "shimmer",
    "truth_landmarks",
    "truth_aligned",
)

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Faceloom: how good the swap is</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem }
p { margin: .3rem 0 } .quiet { color: #666 } .verdict { font-size: 1.05rem; margin: .8rem 0 }
.scores { display: flex; flex-wrap: wrap; gap: 1rem } .card { border: 1px solid #ddd; border-top: 4px solid;
  border-radius: 6px; padding: .6rem 1rem; flex: 1 1 12rem } .card b { font-size: 1.7rem; font-weight: 600 }
.part { display: grid; grid-template-columns: 6rem 1fr 2.4rem; gap: .5rem; align-items: center; font-size: .85rem }
.bar { background: #eee; height: .5rem; border-radius: 3px; overflow: hidden } .bar i { display: block; height: 100% }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums }
td, th { padding: .2rem 1.4rem .2rem 0; border-bottom: 1px solid #eee; text-align: right; white-space: nowrap }
td:first-child, th:first-child, td:last-child { text-align: left } td:last-child, .sure { color: #777 }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(21rem, 1fr)); gap: 1rem 1.6rem }
.curves h3 { font-size: .9rem; margin: 0; font-weight: 600 } svg { width: 100%; height: auto; display: block }
svg text { font: 11px system-ui, sans-serif; fill: #666 } .key span { margin-right: 1rem }
.key i { display: inline-block; width: .8rem; height: .8rem; margin-right: .3rem; border-radius: 2px }
.frame { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0; scroll-margin-top: 1rem; padding: .4rem }
.frame:target { background: #fff3c4 } figure { margin: 0; text-align: center; font-size: .8rem; color: #666 }
figure img { width: 11.5rem; display: block; border-radius: 4px } .why { flex-basis: 100%; font-size: .9rem }
</style></head><body>
<h1>How good the swap is</h1>
<p class="quiet">$subject</p>
<p class="verdict">$verdict</p>
<div class="scores">$scores</div>
<h2>The figures</h2>
<p class="quiet">Means over the frames, with their standard error. What a perfect swap has stands on the right.</p>
<div class="wide"><table>$table</table></div>
<h2>Over time</h2>
<p class="quiet">A ring is one of the swap's worst moments: it leads to the pictures below. $key</p>
<div class="curves">$curves</div>
<h2>The worst moments</h2>$frames
<p><small>Faceloom $version</small></p>
</body></html>
""")


def worst_frames(comparison: Comparison) -> dict[int, list[str]]:
    """Return the numbers of the swap's worst frames, in order, with the names of the figures that are worst there."""
    swap = comparison.version("swap")
    found: dict[int, list[str]] = {}
    for figure in swap.figures if swap else ():
        if figure.name in _SHOWN:
            for frame in figure.worst:
                found.setdefault(frame, []).append(figure.name)
    return dict(sorted(found.items()))


def write_page(
    judged: Judged, pictures: Mapping[int, Sequence[Rgb]], target: Path, swap: Path, path: Path
) -> None:
    """Write the page; `pictures` holds each version's crop, in order, of every one of `worst_frames`."""
    comparison = judged.comparison
    subject = (
        f"{swap.name} against {target.name}: the target's face was seen in {comparison.seen} of "
        f"{comparison.frames} frames looked at."
    )
    page = _PAGE.substitute(
        subject=html.escape(subject),
        verdict=html.escape(" ".join(verdict(comparison))),
        scores="".join(_card(version) for version in comparison.versions),
        table="".join(_rows(comparison)),
        key="".join(_key(comparison)),
        curves="".join(_curves(judged)),
        frames="".join(_frames(comparison, pictures)),
        version=__version__,
    )
    write_text(path, page)


def _card(version: Version) -> str:
    color = COLORS[version.name]
    if version.score is None:
        return ""
    parts = "".join(
        f'<div class="part"><span>{part.name}</span><span class="bar"><i style="width:{100 * part.value:.0f}%;'
        f'background:{color}"></i></span><span>{part.value:.2f}</span></div>'
        for part in version.score.parts
    )
    return (
        f'<div class="card" style="border-top-color:{color}">{version.name}<br><b>{version.score.value:.1f}</b>'
        f'<span class="quiet"> of 100</span>{parts}</div>'
    )


def _rows(comparison: Comparison) -> Iterator[str]:
    heads = "".join(f"<th>{version.name}</th>" for version in comparison.versions)
    for against in ("target", "truth"):
        measures = comparison.measures(against)
        if measures:
            yield f"<tr><th>against the {'exact truth' if against == 'truth' else 'target'}</th>{heads}<th></th></tr>"
        for measure in measures:
            cells = "".join(
                f"<td>{_sure(cell(version.figure(measure.name)) or '-')}</td>"
                for version in comparison.versions
            )
            yield f"<tr><td>{measure.title}</td>{cells}<td>{measure.best:g} ({measure.unit})</td></tr>"


def _sure(text: str) -> str:
    value, sign, error = text.partition("±")
    return f'{value} <span class="sure">±{error}</span>' if sign else value


def _key(comparison: Comparison) -> Iterator[str]:
    yield '<span class="key">'
    for version in comparison.versions:
        yield f'<span><i style="background:{COLORS[version.name]}"></i>{version.name}</span>'
    yield "</span>"


def _curves(judged: Judged) -> Iterator[str]:
    comparison = judged.comparison
    shown = worst_frames(comparison)
    for measure in (*comparison.measures("target"), *comparison.measures("truth")):
        told = [(name, series.get(measure.name)) for name, series in judged.series.items()]
        lines = [Line(name, series) for name, series in told if series is not None]
        swap = comparison.version("swap")
        figure = swap.figure(measure.name) if swap else None
        marks = [frame for frame in figure.worst if frame in shown] if figure else []
        suffix = " against the truth" if measure.against == "truth" else ""
        yield f"<div><h3>{measure.title}{suffix}</h3>{curve(judged.frames, lines, marks, measure.best)}</div>"


def _frames(comparison: Comparison, pictures: Mapping[int, Sequence[Rgb]]) -> Iterator[str]:
    for frame, names in worst_frames(comparison).items():
        why = ", ".join(
            BY_NAME[name].title + (" against the truth" if BY_NAME[name].against == "truth" else "")
            for name in names
        )
        crops = "".join(
            f'<figure><img alt="{version.name}" src="{data_url(page_jpeg(crop))}">{version.name}</figure>'
            for version, crop in zip(comparison.versions, pictures[frame], strict=True)
        )
        yield f'<div class="frame" id="frame-{frame}"><div class="why">Frame {frame}: {why}</div>{crops}</div>'
