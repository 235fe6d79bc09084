"""Curves over the steps of a run, as SVG text for a page."""

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from faceloom.html import svg

# More points than this are averaged: no screen shows them.
_POINTS = 500
_LEFT, _RIGHT, _TOP, _BELOW = 46, 10, 16, 20
# One a subject, in their order.
COLORS = ("#c2571a", "#2f6fbb", "#3a8f4d", "#8a4fa3", "#a01414", "#5c6b73")


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a step, and the few letters that name it."""

    step: int
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """Values over steps; color as in CSS."""

    steps: Float64[np.ndarray, "n"]
    values: Float64[np.ndarray, "n"]
    color: str


def curve(
    lines: Sequence[Line],
    marks: Sequence[Mark],
    size: tuple[int, int],
    *,
    logarithmic: bool = False,
    dots: bool = False,
) -> str:
    """Draw lines over steps, with a red one across at each mark; `size` in pixels.

    logarithmic: values must be positive. dots: at each value, where there are few.
    """
    thinned = [Line(*_thinned(line.steps, line.values), line.color) for line in lines]
    plane = _Plane.of(thinned, size, logarithmic=logarithmic)
    width, height = plane.width, plane.height
    grid = "".join(
        f'<path d="M0 {plane.down(y):.1f}H{width}" stroke="#e4e4e4"/>'
        f'<text x="-6" y="{plane.down(y) + 4:.1f}" text-anchor="end">{y:g}</text>'
        for y in plane.round_values()
    )
    drawn = "".join(plane.draw(line, dots=dots) for line in thinned)
    return svg(
        *size,
        f'<g transform="translate({_LEFT} {_TOP})">{grid}<path d="M0 0V{height}H{width}" fill="none" stroke="#bbb"/>'
        f"{drawn}{_marks(marks, plane)}"
        f'<text x="0" y="{height + 15}">0</text>'
        f'<text x="{width}" y="{height + 15}" text-anchor="end">step {plane.last:g}</text></g>',
    )


@dataclass(frozen=True, slots=True)
class _Plane:
    """What part of the plane is drawn. low, high: in the scale of `scaled`."""

    width: int
    height: int
    last: float
    low: float
    high: float
    scaled: Callable[[float], float]

    @classmethod
    def of(cls, lines: Sequence[Line], size: tuple[int, int], *, logarithmic: bool) -> "_Plane":
        values = np.concatenate([line.values for line in lines])
        scaled: Callable[[float], float] = (
            (lambda value: float(np.log(value))) if logarithmic else float
        )
        low, high = scaled(values.min()), scaled(values.max())
        room = max(0.04 * (high - low), 0.01)
        last = max(1.0, *(float(line.steps[-1]) for line in lines))
        return cls(
            size[0] - _LEFT - _RIGHT, size[1] - _TOP - _BELOW, last, low - room, high + room, scaled
        )

    def across(self, step: float) -> float:
        return self.width * step / self.last

    def down(self, value: float) -> float:
        return self.height * (self.high - self.scaled(value)) / (self.high - self.low)

    def draw(self, line: Line, *, dots: bool) -> str:
        places = [
            (self.across(x), self.down(y)) for x, y in zip(line.steps, line.values, strict=True)
        ]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        circles = "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{line.color}"/>' for x, y in places
        )
        drawn = (
            f'<polyline points="{points}" fill="none" stroke="{line.color}" stroke-width="1.5"/>'
        )
        return drawn + circles if dots else drawn

    def round_values(self) -> Iterator[float]:
        if self.scaled is float:
            return _round_steps(self.low, self.high)
        return _round_powers(float(np.exp(self.low)), float(np.exp(self.high)))


def _marks(marks: Sequence[Mark], plane: _Plane) -> str:
    """A line for each step with marks; of several at one step the labels stand together."""
    labels: dict[int, list[str]] = {}
    for mark in marks:
        if mark.step <= plane.last:
            labels.setdefault(mark.step, []).append(mark.label)
    return "".join(
        _mark(plane.across(step), plane.height, _joined(named)) for step, named in labels.items()
    )


def _mark(x: float, height: float, label: str) -> str:
    return (
        f'<path d="M{x:.1f} 0V{height}" stroke="#a01414" stroke-dasharray="3 3"/>'
        f'<text class="mark" x="{x:.1f}" y="-4" text-anchor="middle">{html.escape(label)}</text>'
    )


def _joined(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{labels[0]}-{labels[-1]}"


def _thinned(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average neighbors so that at most _POINTS are left."""
    if len(steps) <= _POINTS:
        return steps, values
    bins = np.array_split(np.arange(len(steps)), _POINTS)
    return np.array([steps[b].mean() for b in bins]), np.array([values[b].mean() for b in bins])


def _round_powers(low: float, high: float) -> Iterator[float]:
    """Yield 1, 2 or 5 times a power of ten between two values, the middle if there is none."""
    found = [
        factor * 10.0**power
        for power in range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        for factor in (1, 2, 5)
        if low <= factor * 10.0**power <= high
    ]
    yield from found or [float(f"{(low * high) ** 0.5:.2g}")]


def _round_steps(low: float, high: float) -> Iterator[float]:
    """Yield two to five values between two, apart by 1, 2 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10((high - low) / 2))
    apart = next(factor * power for factor in (5, 2, 1) if factor * power <= (high - low) / 2)
    for number in range(int(np.ceil(low / apart)), int(np.floor(high / apart)) + 1):
        yield float(f"{number * apart:.6g}")
