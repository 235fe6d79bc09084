"""Small drawings, as SVG text for a page."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import float32, to_uint8
from faceloom.color import from_lab
from faceloom.html import svg
from faceloom.review.statistics import FaceTable, FaceValues

# Yaw and pitch in degrees.
Poses: TypeAlias = Float32[np.ndarray, "_ 2"]

# Degrees shown to each side, and of a cell.
_YAW, _PITCH, _CELL = 75, 45, 7.5
_PIXELS_A_DEGREE = 1.85
_BINS = 24
_WIDE, _HIGH = 210, 64
_NEEDED = 'fill="none" stroke="#222" stroke-width="1"'
_LACKING = 'fill="#d11" fill-opacity=".15" stroke="#d11" stroke-width="1.6"'


@dataclass(frozen=True, slots=True)
class Axis:
    """What a chart shows from left to right: `low` and `high` in `unit`, and a word for what is at each end.

    doubtful: values below it are shaded, as those that the word at the left end is said of.
    """

    low: float
    high: float
    unit: str = ""
    low_word: str = ""
    high_word: str = ""
    doubtful: float | None = None

    def place(self, value: float) -> float:
        """Return where a value lies, 0 at the left end to 1 at the right, where those beyond lie too."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


def pose_map(table: FaceTable, color: str, needed: Poses, missing: Poses) -> str:
    """Draw how many faces look where; cells in `needed` (yaw, pitch) are outlined, those in `missing` in red."""
    counts, wanted = _cells(np.stack([table.yaw, table.pitch], 1)), _cells(needed)
    lacking = _cells(missing)
    # The root shows a cell of few faces beside one of thousands.
    shade = np.sqrt(counts / max(counts.max(), 1))
    opacity = 0.12 + 0.88 * shade
    parts = [
        _cell(i, j, f'fill="{color}" fill-opacity="{opacity[i, j]:.2f}"')
        for i, j in _where(counts > 0)
    ]
    parts += [_cell(i, j, _NEEDED) for i, j in _where((wanted > 0) & (lacking == 0))]
    parts += [_cell(i, j, _LACKING) for i, j in _where(lacking > 0)]
    width, height = 2 * _YAW * _PIXELS_A_DEGREE, 2 * _PITCH * _PIXELS_A_DEGREE
    return svg(
        width + 44,
        height + 26,
        f'<g transform="translate(34 4)">{_pose_axes(width, height)}{"".join(parts)}</g>',
    )


def histogram(values: FaceValues, axis: Axis, color: str) -> str:
    """Draw how values spread over an axis, those beyond in the last bars; a line at the median."""
    counts, _ = np.histogram(np.clip(values, axis.low, axis.high), _BINS, (axis.low, axis.high))
    tall = _HIGH * counts / max(counts.max(), 1)
    wide = _WIDE / _BINS
    bars = "".join(
        f'<rect x="{n * wide:.1f}" y="{_HIGH - tall[n]:.1f}" width="{wide - 1:.1f}" height="{tall[n]:.1f}"/>'
        for n in range(_BINS)
        if counts[n]
    )
    median = float(np.median(values))
    at = _WIDE * axis.place(median)
    shaded = 0 if axis.doubtful is None else _WIDE * axis.place(axis.doubtful)
    numbers = (
        f"{axis.low:g}",
        f"median {median:.{0 if axis.unit else 2}f}{axis.unit}",
        f"{axis.high:g}",
    )
    return svg(
        _WIDE, _HIGH + (30 if axis.low_word else 16),
        f'<rect width="{shaded:.1f}" height="{_HIGH}" fill="#000" fill-opacity=".07"/>'
        f'<g fill="{color}">{bars}</g><path d="M0 {_HIGH}H{_WIDE}" stroke="#bbb"/>'
        f'<path d="M{at:.1f} 0V{_HIGH}" stroke="#222" stroke-dasharray="3 3"/>'
        f'{_under(*numbers, _HIGH + 13)}'
        f'{_under(axis.low_word, "", axis.high_word, _HIGH + 26)}',
    )  # fmt: skip


def light_map(across: FaceValues, down: FaceValues, color: str) -> str:
    """Draw from where faces are lit: a dot a face, to the side and height of the brighter edge."""
    side = 150
    xs = side / 2 * (1 + np.clip(across, -1, 1))
    ys = side / 2 * (1 + np.clip(down, -1, 1))
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in zip(xs, ys, strict=True)
    )
    return svg(
        side + 90, side + 30,
        f'<g transform="translate(45 14)"><rect width="{side}" height="{side}" fill="none" stroke="#ddd"/>'
        f'<path d="M{side / 2} 0V{side}M0 {side / 2}H{side}" stroke="#ddd"/>'
        f'<g fill="{color}" fill-opacity=".4">{dots}</g>'
        f'<text x="-4" y="{side / 2 + 4}" text-anchor="end">left</text>'
        f'<text x="{side + 4}" y="{side / 2 + 4}">right</text>'
        f'<text x="{side / 2}" y="-3" text-anchor="middle">above</text>'
        f'<text x="{side / 2}" y="{side + 13}" text-anchor="middle">below</text></g>',
    )  # fmt: skip


def color_strip(lab: Float32[np.ndarray, "m 3"]) -> str:
    """Draw the mean colors of faces side by side, from dark to light."""
    sorted_lab = lab[np.argsort(lab[:, 0])]
    picked = sorted_lab[np.linspace(0, len(lab) - 1, min(len(lab), 40)).round().astype(int)]
    wide = _WIDE / len(picked)
    bands = "".join(
        f'<rect x="{n * wide:.2f}" width="{wide + 0.5:.2f}" height="28" fill="{_hex(rgb)}"/>'
        for n, rgb in enumerate(from_lab(picked[None])[0])
    )
    low, high = sorted_lab[0, 0], sorted_lab[-1, 0]
    return svg(
        _WIDE, 44,
        f'{bands}<text x="0" y="41">L* {low:.0f}</text><text x="{_WIDE}" y="41" text-anchor="end">{high:.0f}</text>',
    )  # fmt: skip


def _cells(poses: Poses) -> np.ndarray:
    """Count faces by cell, those turned further than is shown in the outermost ones."""
    limits = float32([_YAW, _PITCH])
    inside = np.clip(poses.reshape(-1, 2), -limits + 0.01, limits - 0.01)
    bins = [round(2 * _YAW / _CELL), round(2 * _PITCH / _CELL)]
    return float32(
        np.histogram2d(inside[:, 0], inside[:, 1], bins, [[-_YAW, _YAW], [-_PITCH, _PITCH]])[0]
    )


def _where(chosen: Bool[np.ndarray, "x y"]) -> list[tuple[int, int]]:
    return [(int(i), int(j)) for i, j in np.argwhere(chosen)]


def _cell(i: int, j: int, style: str) -> str:
    side = _CELL * _PIXELS_A_DEGREE
    y = 2 * _PITCH * _PIXELS_A_DEGREE - (j + 1) * side
    return f'<rect x="{i * side + 0.5:.1f}" y="{y + 0.5:.1f}" width="{side - 1:.1f}" height="{side - 1:.1f}" {style}/>'


def _pose_axes(width: float, height: float) -> str:
    lines = [f'<rect width="{width}" height="{height}" fill="#fafafa" stroke="#ddd"/>']
    for yaw in (-60, -30, 0, 30, 60):
        x = (yaw + _YAW) * _PIXELS_A_DEGREE
        side = "" if not yaw else " left" if yaw < 0 else " right"
        label = f'<text x="{x}" y="{height + 14}" text-anchor="middle">{abs(yaw)}°{side}</text>'
        lines.append(f'<path d="M{x} 0V{height}" stroke="#e4e4e4"/>{label}')
    for pitch, said in ((-30, "down"), (0, "0°"), (30, "up")):
        y = (_PITCH - pitch) * _PIXELS_A_DEGREE
        lines.append(
            f'<path d="M0 {y}H{width}" stroke="#e4e4e4"/><text x="-4" y="{y + 4}" text-anchor="end">{said}</text>'
        )
    return "".join(lines)


def _under(left: str, middle: str, right: str, y: float) -> str:
    words = ((left, 0, "start"), (middle, _WIDE / 2, "middle"), (right, _WIDE, "end"))
    drawn = [
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{html.escape(word)}</text>'
        for word, x, anchor in words
    ]
    return "".join(drawn)


def _hex(rgb: Sequence[int] | np.ndarray) -> str:
    red, green, blue = to_uint8(float32(rgb)).tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"
