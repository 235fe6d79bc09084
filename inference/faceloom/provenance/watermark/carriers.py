"""The carriers of the watermark: cosines on a grid in coordinates of the face.

I. J. Cox, J. Kilian, F. T. Leighton and T. Shamoon, "Secure spread spectrum watermarking for
multimedia", IEEE Transactions on Image Processing 6(12), 1997.
"""

from functools import lru_cache
from hashlib import sha256
from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import Float32, Int64

from faceloom.array_types import float32
from faceloom.faces.alignment import WHOLE_FACE_TEMPLATE, CropGeometry

# One value for each carrier.
Chips: TypeAlias = Float32[np.ndarray, "carriers"]
# A picture in coordinates of the face.
Grid: TypeAlias = Float32[np.ndarray, "GRID_SIZE GRID_SIZE"]

# Side of the grid in pixels: the shortest period is 5.6 of them.
GRID_SIZE = 128
# Side of the grid in sides of the template's unit square: from the brows' upper edge to the chin.
_GRID_SIDE = 0.58
# Center of the grid in that square: the midline, between the nose tip and the upper lip.
_GRID_CENTER = (0.4954, 0.575)
# The grid as a crop of the face.
GRID_GEOMETRY = CropGeometry(
    size=GRID_SIZE,
    coverage=1,
    template=tuple(
        ((x - _GRID_CENTER[0]) / _GRID_SIDE + 0.5, (y - _GRID_CENTER[1]) / _GRID_SIDE + 0.5)
        for x, y in WHOLE_FACE_TEMPLATE
    ),
)

# Carriers of the pilot. Their signs are known, so they give the grid's scale, rotation and shift.
PILOT_CARRIERS = 256
# Carriers of the payload.
DATA_CARRIERS = 768
# Length of the shortest and longest wave vector, in half periods per grid side. At lower
# frequencies the pattern is easier to see, the face's own detail is up to four times as strong and
# there are fewer carriers (docs/decisions/0013-watermark-is-opt-in.md); at higher ones, half size
# and x264 at crf 28 remove it.
_LOWEST, _HIGHEST = 26, 46
# Smallest component of a wave vector, in half periods per grid side: waves that are almost parallel
# to an axis look like stripes and resemble the edges of features.
_MIN_COMPONENT = 2
# Key that determines which carriers are used, their order and their signs.
_KEY = "faceloom watermark 2"
# Width of the grid's soft border, as a share of its side.
_BORDER = 0.08
# Standard deviation of the neighborhood of a coefficient of the DCT, in half periods.
_NEIGHBORHOOD = 3
# Avoids a division by zero for a picture without content.
TINY = 1e-9


def window() -> Grid:
    """Return the grid's soft border: 1 inside, 0 at the edge."""
    x = np.linspace(0, 1, GRID_SIZE)
    edge = np.clip(np.minimum(x, 1 - x) / _BORDER, 0, 1)
    smooth = edge * edge * (3 - 2 * edge)
    return float32(smooth[:, None] * smooth)


@lru_cache(maxsize=1)
def carriers() -> tuple[Int64[np.ndarray, "carriers 2"], Chips]:
    """Return row and column of each carrier in the grid's DCT, and the sign of its chip 1."""
    half_periods = range(_MIN_COMPONENT, _HIGHEST + 1)
    in_band = [
        (row, column)
        for row in half_periods
        for column in half_periods
        if _LOWEST <= np.hypot(row, column) <= _HIGHEST
    ]
    # A hash, since the streams of random generators may change between versions of NumPy.
    digests = {
        place: sha256(f"{_KEY} {place[0]} {place[1]}".encode()).digest() for place in in_band
    }
    chosen = sorted(in_band, key=digests.__getitem__)[: PILOT_CARRIERS + DATA_CARRIERS]
    signs = [1 - 2 * (digests[place][-1] & 1) for place in chosen]
    return np.array(chosen, np.int64), np.array(signs, np.float32)


def to_pattern(chips: Chips) -> Grid:
    """Return the sum of the carriers.

    Args:
        chips: The amplitude of each carrier.
    """
    (places, signs), spectrum = carriers(), np.zeros((GRID_SIZE, GRID_SIZE), np.float32)
    spectrum[places[:, 0], places[:, 1]] = chips * signs
    return np.asarray(cv2.idct(spectrum), np.float32)


def to_chips(grid: Grid) -> Chips:
    """Return the amplitude of each carrier in a picture, relative to those of nearby frequencies.

    Args:
        grid: The picture, with the face's own content suppressed.
    """
    spectrum = cv2.dct(grid * window())
    local = np.sqrt(cv2.GaussianBlur(spectrum * spectrum, (0, 0), _NEIGHBORHOOD)) + TINY
    places, signs = carriers()
    return float32((spectrum / local)[places[:, 0], places[:, 1]] * signs)
