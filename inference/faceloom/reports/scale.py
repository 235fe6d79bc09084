"""Scales of a line chart: from values to pixels, and round values for the axis."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

# Free space above and below the values, as a share of their range.
_MARGIN = 0.05
# Least margin on a logarithmic axis, in units of the natural logarithm.
_LEAST_LOG_MARGIN = 0.01
# Least margin on a linear axis, as a share of the largest value; for values that are all equal.
_LEAST_MARGIN = 1e-3
# A reference further away than this many ranges of the values is left out of the picture.
_FAR = 4.0


@dataclass(frozen=True, slots=True)
class PlotArea:
    """The part of a chart inside its axes."""

    LEFT: ClassVar[int] = 46
    """Pixels left of it, for the values of the y axis."""
    RIGHT: ClassVar[int] = 10
    """Pixels right of it."""
    TOP: ClassVar[int] = 16
    """Pixels above it, for the labels of events."""
    BELOW: ClassVar[int] = 20
    """Pixels below it, for the x axis."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    x_start: float
    """Value of x at the left edge."""
    x_end: float
    """Value of x at the right edge."""
    low: float
    """Lower edge, after `transform`."""
    high: float
    """Upper edge, after `transform`."""
    transform: Callable[[float], float]
    """`float` for a linear axis, the logarithm for a logarithmic one."""

    @classmethod
    def of(
        cls,
        size: tuple[int, int],
        x_range: tuple[float, float],
        values: np.ndarray,
        *,
        logarithmic: bool,
        reference: float | None,
        clip_percent: float,
    ) -> "PlotArea":
        """Choose the range of the y axis by the values.

        Args:
            size: Width and height of the whole chart in pixels.
            x_range: Values of x at the left and right edge.
            values: All values; NaN is ignored.
            logarithmic: Whether the y axis is logarithmic.
            reference: A value to be inside unless it is far away from the others; None for none.
            clip_percent: Percent of the values at each end that may lie outside.
        """
        known = values[np.isfinite(values)]
        low, high = np.percentile(known, [clip_percent, 100 - clip_percent]).tolist()
        # A reference such as an unreachable PSNR would flatten the lines.
        if reference is not None and abs(reference - (low + high) / 2) < _FAR * (high - low) + 1e-9:
            low, high = min(low, reference), max(high, reference)
        transform: Callable[[float], float] = _log if logarithmic else float
        low, high = transform(low), transform(high)
        least = _LEAST_LOG_MARGIN if logarithmic else _least_margin(low, high)
        margin = max(_MARGIN * (high - low), least)
        width, height = size[0] - cls.LEFT - cls.RIGHT, size[1] - cls.TOP - cls.BELOW
        return cls(width, height, *x_range, low - margin, high + margin, transform)

    def x(self, value: float) -> float:
        """Return the pixel column of an x value.

        Args:
            value: Step or frame index.
        """
        return self.width * (value - self.x_start) / (self.x_end - self.x_start)

    def y(self, value: float) -> float:
        """Return the pixel row of a y value; values outside lie on the edge.

        Args:
            value: A value in the unit of the lines.
        """
        inside = min(max(self.transform(value), self.low), self.high)
        return self.height * (self.high - inside) / (self.high - self.low)

    def ticks(self) -> Iterator[float]:
        """Yield round values inside the range of the y axis."""
        if self.transform is float:
            return _linear_ticks(self.low, self.high)
        return _logarithmic_ticks(float(np.exp(self.low)), float(np.exp(self.high)))


def _log(value: float) -> float:
    return float(np.log(value))


def _least_margin(low: float, high: float) -> float:
    largest = max(abs(low), abs(high))
    return _LEAST_MARGIN * largest if largest else _LEAST_MARGIN


def _logarithmic_ticks(low: float, high: float) -> Iterator[float]:
    """Yield 1, 2 or 5 times a power of ten between two values, the middle if there is none."""
    ticks = [
        factor * 10.0**power
        for power in range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        for factor in (1, 2, 5)
        if low <= factor * 10.0**power <= high
    ]
    yield from ticks or [float(f"{(low * high) ** 0.5:.2g}")]


def _linear_ticks(low: float, high: float) -> Iterator[float]:
    """Yield two to five values between two, apart by 1, 2 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10((high - low) / 2))
    step = next(factor * power for factor in (5, 2, 1) if factor * power <= (high - low) / 2)
    for multiple in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1):
        yield float(f"{multiple * step:.6g}")
