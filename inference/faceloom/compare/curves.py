"""A figure over the frames of a clip, as SVG text for a page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from faceloom.compare.metrics import Series

# One a version, in their order: what is untouched is gray, what is exact dark.
COLORS = {"untouched": "#a8a8a8", "paste": "#3a8f4d", "swap": "#c2571a", "truth": "#2b3f63"}
_WIDE, _HIGH = 340, 84
# Per cent of the values at each end that may lie beyond what is drawn.
_BEYOND = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """One version's values over the frames."""

    name: str
    series: Series


def curve(frames: Sequence[int], lines: Sequence[Line], marks: Sequence[int], best: float) -> str:
    """Draw lines over the numbers of their frames, a dashed one at the best value, and rings that link to `marks`.

    The rings sit on the swap's line; a ring at frame 12 leads to the element `frame-12` of the page.
    """
    scale = _Scale.of(frames, lines, best)
    dashed = f'<path d="M0 {scale.y(best):.1f}H{_WIDE}" stroke="#bbb" stroke-dasharray="3 3"/>'
    drawn = "".join(
        f'<path d="{_path(frames, line, scale)}" fill="none" stroke="{COLORS[line.name]}" stroke-width="1.4"/>'
        for line in lines
    )
    rings = "".join(_rings(frames, lines, marks, scale))
    return (
        f'<svg viewBox="-5 -6 {_WIDE + 10} {_HIGH + 26}" role="img"><path d="M0 {_HIGH}H{_WIDE}" stroke="#ccc"/>'
        f"{dashed}{drawn}{rings}"
        f'<text x="0" y="{_HIGH + 14}">frame {frames[0]}</text>'
        f'<text x="{_WIDE / 2}" y="{_HIGH + 14}" text-anchor="middle">{scale.low:.3g} to {scale.high:.3g}</text>'
        f'<text x="{_WIDE}" y="{_HIGH + 14}" text-anchor="end">{frames[-1]}</text></svg>'
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """What part of the plane is drawn."""

    first: int
    last: int
    low: float
    high: float

    @classmethod
    def of(cls, frames: Sequence[int], lines: Sequence[Line], best: float) -> "_Scale":
        values = np.concatenate([line.series[np.isfinite(line.series)] for line in lines])
        low, high = np.percentile(values, [_BEYOND, 100 - _BEYOND]) if values.size else (best, best)
        # The best value is in the picture unless it is far away, as an endless PSNR is.
        if abs(best - (low + high) / 2) < 4 * (high - low) + 1e-9:
            low, high = min(low, best), max(high, best)
        room = max(0.05 * (high - low), 1e-3)
        return cls(frames[0], max(frames[-1], frames[0] + 1), float(low - room), float(high + room))

    def x(self, frame: int) -> float:
        return _WIDE * (frame - self.first) / (self.last - self.first)

    def y(self, value: float) -> float:
        return _HIGH * (
            1 - (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        )


def _path(frames: Sequence[int], line: Line, scale: _Scale) -> str:
    """A line through the known values; broken where there is none."""
    parts = []
    pen = "M"
    for frame, value in zip(frames, line.series.tolist(), strict=True):
        if np.isfinite(value):
            parts.append(f"{pen}{scale.x(frame):.1f} {scale.y(value):.1f}")
        pen = "L" if np.isfinite(value) else "M"
    return "".join(parts)


def _rings(
    frames: Sequence[int], lines: Sequence[Line], marks: Sequence[int], scale: _Scale
) -> Iterator[str]:
    swap = next((line.series for line in lines if line.name == "swap"), None)
    if swap is None:
        return
    for frame in marks:
        value = float(swap[list(frames).index(frame)])
        yield (
            f'<a href="#frame-{frame}"><title>frame {frame}: {value:.3g}</title>'
            f'<circle cx="{scale.x(frame):.1f}" cy="{scale.y(value):.1f}" r="4" fill="#fff" stroke="#c2571a"/></a>'
        )
