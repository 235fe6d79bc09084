"""Curves over the steps of a run, as SVG text for a page."""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from faceloom.pages import svg

# More points than this are averaged: no screen shows them.
_POINTS = 500
_LEFT, _RIGHT, _TOP, _BELOW = 46, 10, 16, 20


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a step, and the few letters that name it."""

    step: int
    label: str


def curve(
    steps: Float64[np.ndarray, " n"],
    values: Float64[np.ndarray, " n"],
    marks: Sequence[Mark],
    colour: str,
    size: tuple[int, int],
) -> str:
    """Draw positive values over steps on a logarithmic scale, with a red line at each mark; `size` in pixels."""
    steps, values = _thinned(steps, values)
    width, height = size[0] - _LEFT - _RIGHT, size[1] - _TOP - _BELOW
    last = max(float(steps[-1]), 1.0)
    low, high = np.log(values.min()), np.log(values.max())
    room = max(0.04 * (high - low), 0.01)
    low, high = low - room, high + room

    def across(step: float) -> float:
        return width * step / last

    def down(value: float) -> float:
        return float(height * (high - np.log(value)) / (high - low))

    line = " ".join(f"{across(x):.1f},{down(y):.1f}" for x, y in zip(steps, values, strict=True))
    grid = "".join(
        f'<path d="M0 {down(y):.1f}H{width}" stroke="#e4e4e4"/>'
        f'<text x="-6" y="{down(y) + 4:.1f}" text-anchor="end">{y:g}</text>'
        for y in _round_values(float(np.exp(low)), float(np.exp(high)))
    )
    return svg(
        *size,
        f'<g transform="translate({_LEFT} {_TOP})">{grid}<path d="M0 0V{height}H{width}" fill="none" stroke="#bbb"/>'
        f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>{_marks(marks, last, size)}'
        f'<text x="0" y="{height + 15}">0</text>'
        f'<text x="{width}" y="{height + 15}" text-anchor="end">step {last:g}</text></g>',
    )


def _marks(marks: Sequence[Mark], last: float, size: tuple[int, int]) -> str:
    """A line for each step with marks; of several at one step the labels stand together."""
    labels: dict[int, list[str]] = {}
    for mark in marks:
        if mark.step <= last:
            labels.setdefault(mark.step, []).append(mark.label)
    width, height = size[0] - _LEFT - _RIGHT, size[1] - _TOP - _BELOW
    return "".join(_mark(width * step / last, height, _joined(named)) for step, named in labels.items())


def _mark(x: float, height: float, label: str) -> str:
    return (
        f'<path d="M{x:.1f} 0V{height}" stroke="#a01414" stroke-dasharray="3 3"/>'
        f'<text class="mark" x="{x:.1f}" y="-4" text-anchor="middle">{html.escape(label)}</text>'
    )


def _joined(labels: Sequence[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{labels[0]}-{labels[-1]}"


def _thinned(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average neighbours so that at most _POINTS are left."""
    if len(steps) <= _POINTS:
        return steps, values
    bins = np.array_split(np.arange(len(steps)), _POINTS)
    return np.array([steps[b].mean() for b in bins]), np.array([values[b].mean() for b in bins])


def _round_values(low: float, high: float) -> Iterator[float]:
    """Yield 1, 2 or 5 times a power of ten between two values, the middle if there is none."""
    found = [
        factor * 10.0**power
        for power in range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        for factor in (1, 2, 5)
        if low <= factor * 10.0**power <= high
    ]
    yield from found or [float(f"{(low * high) ** 0.5:.2g}")]
