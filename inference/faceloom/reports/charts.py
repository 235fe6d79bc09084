"""Charts as SVG: lines over steps or frames, histograms, head poses, light directions, colors."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Float32
from markupsafe import Markup

from faceloom.array_types import float32, to_uint8
from faceloom.color import from_lab
from faceloom.reports.scale import PlotArea
from faceloom.reports.svg import drawing, element, group, text

# Yaw and pitch of faces in degrees, one row per face.
Poses: TypeAlias = Float32[np.ndarray, "_ 2"]
Values: TypeAlias = Float[np.ndarray, "n"]

# Degrees of yaw that a pose map shows to each side.
_YAW_LIMIT = 75
# Degrees of pitch that a pose map shows up and down.
_PITCH_LIMIT = 45
# Degrees that a cell of a pose map spans.
_POSE_CELL = 7.5
_PIXELS_PER_DEGREE = 1.85
_CELL_SIDE = _POSE_CELL * _PIXELS_PER_DEGREE
_POSE_WIDTH = 2 * _YAW_LIMIT * _PIXELS_PER_DEGREE
_POSE_HEIGHT = 2 * _PITCH_LIMIT * _PIXELS_PER_DEGREE
# Opacity of a pose map's cell with the fewest faces; full opacity has the most.
_FAINTEST = 0.12

_HISTOGRAM_BINS = 24
# Pixels of a histogram, and the width of a color strip.
_HISTOGRAM_WIDTH = 210
_HISTOGRAM_HEIGHT = 64
# Pixels of a direction map's side.
_DIRECTION_SIDE = 150
# Colors that a color strip shows at most.
_STRIP_COLORS = 40
# Pixels of a color strip's height.
_STRIP_HEIGHT = 28


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line of a chart."""

    x: Values
    """Step or frame indices, ascending."""
    y: Values
    """Values; NaN where there is none, which breaks the line."""
    color: str
    """CSS color."""


@dataclass(frozen=True, slots=True)
class EventMarker:
    """A labeled vertical line where something happened."""

    x: float
    """Step or frame index."""
    label: str
    """A few characters above the line."""


@dataclass(frozen=True, slots=True)
class LinkedPoint:
    """A ring on a line that links to a part of the page."""

    x: float
    """Step or frame index."""
    y: float
    """Value."""
    href: str
    """Where the link leads, for example `#frame-12`."""
    title: str
    """Tooltip."""
    color: str
    """CSS color of the ring."""


@dataclass(frozen=True, slots=True)
class LineChart:
    """Lines over steps or frames, with what else a chart can show."""

    lines: Sequence[ChartLine]
    """At least one line with at least one value."""
    size: tuple[int, int]
    """Width and height in pixels."""
    x_label: str = "step"
    """What `x` counts."""
    x_start: float = 0
    """Value of `x` at the left edge."""
    logarithmic: bool = False
    """Logarithmic y axis; all values must be positive."""
    points: bool = False
    """Draw a dot at each value, for lines of few values."""
    reference: float | None = None
    """Value of a dashed horizontal line, such as the best possible value."""
    clip_percent: float = 0.0
    """Percent of the values at each end that may lie outside, so outliers do not flatten it."""
    max_points: int | None = None
    """Average neighbors so that a line has at most this many points; None draws all."""
    events: Sequence[EventMarker] = ()
    """Vertical lines; those at one position share a label."""
    links: Sequence[LinkedPoint] = ()
    """Rings with links."""

    def to_svg(self) -> Markup:
        """Return the chart as an SVG element."""
        lines = [_averaged(line, self.max_points) for line in self.lines]
        values = np.concatenate([line.y for line in lines])
        last = max(float(line.x[-1]) for line in lines)
        area = PlotArea.of(
            self.size,
            (self.x_start, max(last, self.x_start + 1)),
            values,
            logarithmic=self.logarithmic,
            reference=self.reference,
            clip_percent=self.clip_percent,
        )
        return drawing(
            *self.size,
            group(
                *_axes(area, self.x_label),
                *([] if self.reference is None else [_reference_line(self.reference, area)]),
                *(_line(line, area, points=self.points) for line in lines),
                *_events(self.events, area),
                *(_ring(point, area) for point in self.links),
                x=area.LEFT,
                y=area.TOP,
            ),
        )


def _averaged(line: ChartLine, most: int | None) -> ChartLine:
    """Average neighboring points; no screen shows thousands."""
    if most is None or len(line.x) <= most:
        return line
    bins = np.array_split(np.arange(len(line.x)), most)
    x, y = (np.array([values[b].mean() for b in bins]) for values in (line.x, line.y))
    return ChartLine(x, y, line.color)


def _axes(area: PlotArea, x_label: str) -> list[Markup]:
    """Horizontal grid lines with their values, the frame, and the ends of the x axis."""
    parts = []
    for value in area.ticks():
        y = area.y(value)
        parts.append(element("path", d=f"M0 {y:.1f}H{area.width}", class_="grid"))
        parts.append(text(f"{value:g}", -6, y + 4, "end", class_="tick"))
    frame = element("path", d=f"M0 0V{area.height}H{area.width}", class_="axis")
    below = area.height + 15
    start, end = f"{area.x_start:g}", f"{x_label} {area.x_end:g}"
    return [*parts, frame, text(start, 0, below), text(end, area.width, below, "end")]


def _reference_line(value: float, area: PlotArea) -> Markup:
    return element("path", d=f"M0 {area.y(value):.1f}H{area.width}", class_="reference")


def _line(line: ChartLine, area: PlotArea, *, points: bool) -> Markup:
    known = np.isfinite(line.y)
    places = [
        (area.x(x), area.y(y))
        for x, y in zip(line.x[known].tolist(), line.y[known].tolist(), strict=True)
    ]
    # A value whose predecessor is unknown starts a new part of the line.
    starts = ~np.concatenate([[False], known[:-1]])[known]
    commands = [
        f"{'M' if start else 'L'}{x:.1f} {y:.1f}"
        for (x, y), start in zip(places, starts.tolist(), strict=True)
    ]
    path = element("path", d="".join(commands), stroke=line.color, class_="line")
    dots = [element("circle", cx=x, cy=y, r=2.5, fill=line.color) for x, y in places]
    return group(path, *dots) if points else path


def _events(events: Sequence[EventMarker], area: PlotArea) -> list[Markup]:
    labels: dict[float, list[str]] = {}
    for event in events:
        if event.x <= area.x_end:
            labels.setdefault(event.x, []).append(event.label)
    parts = []
    for position, named in labels.items():
        x = area.x(position)
        label = named[0] if len(named) == 1 else f"{named[0]}-{named[-1]}"
        parts.append(element("path", d=f"M{x:.1f} 0V{area.height}", class_="event"))
        parts.append(text(label, x, -4, "middle", class_="event-label"))
    return parts


def _ring(point: LinkedPoint, area: PlotArea) -> Markup:
    x, y = area.x(point.x), area.y(point.y)
    circle = element("circle", cx=x, cy=y, r=4, fill="#fff", stroke=point.color)
    return element("a", element("title", point.title), circle, href=point.href)


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """The horizontal axis of a histogram."""

    low: float
    """Value at the left end; lower values are counted there."""
    high: float
    """Value at the right end; higher values are counted there."""
    unit: str = ""
    """Unit of the values, with a leading space."""
    low_label: str = ""
    """Meaning of low values."""
    high_label: str = ""
    """Meaning of high values."""
    shaded_below: float | None = None
    """Values below it are shaded; None shades nothing."""

    def position(self, value: float) -> float:
        """Return where a value lies, 0 (left end) to 1 (right end).

        Args:
            value: Any value; those beyond an end lie at that end.
        """
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


def histogram(values: Values, axis: ValueAxis, color: str) -> Markup:
    """Draw the distribution of values, with a dashed line at the median.

    Args:
        values: At least one value.
        axis: The range and its labels.
        color: CSS color of the bars.
    """
    limits = (axis.low, axis.high)
    counts, _ = np.histogram(np.clip(values, *limits), _HISTOGRAM_BINS, limits)
    heights = (_HISTOGRAM_HEIGHT * counts / max(counts.max(), 1)).tolist()
    step = _HISTOGRAM_WIDTH / _HISTOGRAM_BINS
    bar = partial(element, "rect", width=step - 1)
    bars = [
        bar(x=index * step, y=_HISTOGRAM_HEIGHT - height, height=height)
        for index, height in enumerate(heights)
        if height
    ]
    median = float(np.median(values))
    at = _HISTOGRAM_WIDTH * axis.position(median)
    shaded = 0.0 if axis.shaded_below is None else axis.position(axis.shaded_below)
    middle = f"median {median:.{0 if axis.unit else 2}f}{axis.unit}"
    return drawing(
        _HISTOGRAM_WIDTH,
        _HISTOGRAM_HEIGHT + (30 if axis.low_label else 16),
        element("rect", width=_HISTOGRAM_WIDTH * shaded, height=_HISTOGRAM_HEIGHT, class_="shaded"),
        group(*bars, fill=color),
        element("path", d=f"M0 {_HISTOGRAM_HEIGHT}H{_HISTOGRAM_WIDTH}", class_="axis"),
        element("path", d=f"M{at:.1f} 0V{_HISTOGRAM_HEIGHT}", class_="median"),
        *_row_of_text((f"{axis.low:g}", middle, f"{axis.high:g}"), _HISTOGRAM_HEIGHT + 13),
        *_row_of_text((axis.low_label, "", axis.high_label), _HISTOGRAM_HEIGHT + 26),
    )


def _row_of_text(words: tuple[str, str, str], y: float) -> list[Markup]:
    places = ((0.0, "start"), (_HISTOGRAM_WIDTH / 2, "middle"), (float(_HISTOGRAM_WIDTH), "end"))
    return [
        text(word, x, y, anchor) for word, (x, anchor) in zip(words, places, strict=True) if word
    ]


def pose_map(poses: Poses, color: str, needed: Poses, missing: Poses) -> Markup:
    """Draw how many faces have which head pose.

    Args:
        poses: Yaw and pitch in degrees of the faces that there are.
        color: CSS color of their cells.
        needed: Poses whose cells are outlined.
        missing: Poses whose cells are marked in red.
    """
    counts, outlined, lacking = (_count_cells(each) for each in (poses, needed, missing))
    # The square root keeps a cell of few faces visible beside one of thousands.
    shade = np.sqrt(counts / max(counts.max(), 1))
    opacity = np.round(_FAINTEST + (1 - _FAINTEST) * shade, 2)
    cells = [
        *(_cell(*at, fill=color, fill_opacity=float(opacity[at])) for at in _indices(counts > 0)),
        *(_cell(*at, class_="needed") for at in _indices((outlined > 0) & (lacking == 0))),
        *(_cell(*at, class_="missing") for at in _indices(lacking > 0)),
    ]
    return drawing(_POSE_WIDTH + 44, _POSE_HEIGHT + 26, group(*_pose_axes(), *cells, x=34, y=4))


def _count_cells(poses: Poses) -> np.ndarray:
    """Count faces per cell; those turned further than is shown count in the outermost ones."""
    limits = float32([_YAW_LIMIT, _PITCH_LIMIT])
    inside = np.clip(poses, -limits + 0.01, limits - 0.01)
    bins = [round(2 * _YAW_LIMIT / _POSE_CELL), round(2 * _PITCH_LIMIT / _POSE_CELL)]
    extent = [[-_YAW_LIMIT, _YAW_LIMIT], [-_PITCH_LIMIT, _PITCH_LIMIT]]
    return np.asarray(np.histogram2d(inside[:, 0], inside[:, 1], bins, extent)[0])


def _indices(chosen: np.ndarray) -> list[tuple[int, int]]:
    return [(int(i), int(j)) for i, j in np.argwhere(chosen)]


def _cell(i: int, j: int, **style: object) -> Markup:
    x, y = i * _CELL_SIDE + 0.5, _POSE_HEIGHT - (j + 1) * _CELL_SIDE + 0.5
    return element("rect", x=x, y=y, width=_CELL_SIDE - 1, height=_CELL_SIDE - 1, **style)


def _pose_axes() -> list[Markup]:
    parts = [element("rect", width=_POSE_WIDTH, height=_POSE_HEIGHT, class_="plane")]
    for yaw in (-60, -30, 0, 30, 60):
        x = (yaw + _YAW_LIMIT) * _PIXELS_PER_DEGREE
        side = "" if not yaw else " left" if yaw < 0 else " right"
        parts.append(element("path", d=f"M{x:g} 0V{_POSE_HEIGHT:g}", class_="grid"))
        parts.append(text(f"{abs(yaw)}°{side}", x, _POSE_HEIGHT + 14, "middle"))
    for pitch, label in ((-30, "down"), (0, "0°"), (30, "up")):
        y = (_PITCH_LIMIT - pitch) * _PIXELS_PER_DEGREE
        parts.append(element("path", d=f"M0 {y:g}H{_POSE_WIDTH:g}", class_="grid"))
        parts.append(text(label, -4, y + 4, "end"))
    return parts


def direction_map(x: Values, y: Values, color: str) -> Markup:
    """Draw from which direction faces are lit: one dot per face.

    Args:
        x: Left (-1) to right (1), per face.
        y: Above (-1) to below (1), per face.
        color: CSS color of the dots.
    """
    side, half = _DIRECTION_SIDE, _DIRECTION_SIDE / 2
    places = zip(np.clip(x, -1, 1).tolist(), np.clip(y, -1, 1).tolist(), strict=True)
    dots = [
        element("circle", cx=half * (1 + right), cy=half * (1 + down), r=2.6)
        for right, down in places
    ]
    return drawing(
        side + 90,
        side + 30,
        group(
            element("rect", width=side, height=side, class_="plane"),
            element("path", d=f"M{half} 0V{side}M0 {half}H{side}", class_="grid"),
            group(*dots, fill=color, fill_opacity=0.4),
            text("left", -4, half + 4, "end"),
            text("right", side + 4, half + 4),
            text("above", half, -3, "middle"),
            text("below", half, side + 13, "middle"),
            x=45,
            y=14,
        ),
    )


def color_strip(lab: Float32[np.ndarray, "n 3"]) -> Markup:
    """Draw colors side by side, from dark to light.

    Args:
        lab: At least one color in CIE L*a*b*.
    """
    by_lightness = lab[np.argsort(lab[:, 0])]
    count = min(len(lab), _STRIP_COLORS)
    shown = by_lightness[np.linspace(0, len(lab) - 1, count).round().astype(int)]
    width = _HISTOGRAM_WIDTH / count
    # Bands overlap by half a pixel, so that no gap shines through.
    bands = [
        element("rect", x=index * width, width=width + 0.5, height=_STRIP_HEIGHT, fill=_hex(rgb))
        for index, rgb in enumerate(from_lab(shown[None])[0])
    ]
    low, high = by_lightness[0, 0], by_lightness[-1, 0]
    below = _STRIP_HEIGHT + 13
    return drawing(
        _HISTOGRAM_WIDTH,
        _STRIP_HEIGHT + 16,
        *bands,
        text(f"L* {low:.0f}", 0, below),
        text(f"{high:.0f}", _HISTOGRAM_WIDTH, below, "end"),
    )


def _hex(rgb: np.ndarray) -> str:
    red, green, blue = to_uint8(float32(rgb)).tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"
