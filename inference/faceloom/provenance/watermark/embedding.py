"""Add the watermark to the swapped faces of a frame."""

from functools import lru_cache

import cv2
import numpy as np

from faceloom.array_types import Affine, Mask, Points, Rgb, float32
from faceloom.faces.alignment import (
    CropGeometry,
    affine_scale,
    apply_affine,
    compose_affine,
    crop_face,
    invert_affine,
)
from faceloom.provenance.watermark.carriers import (
    GRID_GEOMETRY,
    GRID_SIZE,
    TINY,
    Grid,
    carriers,
    to_pattern,
    window,
)
from faceloom.provenance.watermark.payload import encode
from faceloom.provenance.watermark.suppression import suppress_detail
from faceloom.video import Box

# Root mean square of the pattern over the face's mask, in luma levels of 0..255: with rounding and
# the differences of the groups, the PSNR of the face is 44.1 to 44.6 dB (docs/provenance.md).
_STRENGTH = 1.69
# Largest root mean square at one place, in the same levels: without it, a flat part of a noisy face
# would get nearly all of the strength. The faces of nine clips have up to 5.8.
_LARGEST_STRENGTH = 6.0
# Standard deviation by which the variance is blurred for the amplitude, in pixels of the grid, so
# that the amplitude does not follow single pores from frame to frame.
_AMPLITUDE_BLUR = 3
# Groups of carriers whose amplitudes are set separately. More groups cancel more of the face's own
# detail and leave less strength for the pattern.
_GROUPS = 8
# How much of the face's own correlation with a group is compensated: more than all of it, since
# compression removes more of the pattern than of the face's detail.
_COMPENSATION = 1.5
# Largest area of a mask that the strength refers to, in areas of its part inside the grid: a mask
# of the whole head would make the pattern too strong.
_LARGEST_AREA = 1.3
# Smallest and largest amplitude of a group, relative to the amplitude without compensation.
_MIN_AMPLITUDE, _MAX_AMPLITUDE = 0.3, 2.0
# The mean length of a carrier's wave vector, in half periods per grid side; divides the weights.
_MEAN_FREQUENCY = 36
# Largest scale from frame to grid: above it the face is too small for the shortest period.
_MAX_GRID_SCALE = 2.0
# Scale from frame to grid above which bilinear sampling does not alias the face's detail.
_BILINEAR_SCALE = 0.5
# Added to the values of the pattern, so that they fit into bytes.
_OFFSET = 128
# Corners of the grid, (x, y).
_CORNERS = float32([[0, 0], [GRID_SIZE, 0], [0, GRID_SIZE], [GRID_SIZE, GRID_SIZE]])


class WatermarkEmbedder:
    """Adds one watermark to faces.

    The signs of the carriers are the same in every frame. Their amplitudes depend on the face:
    they follow its local variance, and each group of carriers is stronger if the face's own detail
    correlates negatively with it (H. S. Malvar and D. A. F. Florencio, "Improved spread spectrum:
    a new modulation technique for robust watermarking", IEEE Transactions on Signal Processing
    51(4), 2003).
    """

    def __init__(self, fingerprint: int):
        """Compute the pattern.

        Args:
            fingerprint: The payload, 0 to 2**32 - 1.
        """
        chips = encode(fingerprint)
        frequencies = np.hypot(*carriers()[0].T) / _MEAN_FREQUENCY
        members = [np.arange(len(chips)) % _GROUPS == group for group in range(_GROUPS)]
        self._window = window()
        self._patterns = np.stack([to_pattern(chips * own).ravel() for own in members])
        """The pattern of each group, [groups, pixels]."""
        # The reader divides each carrier by the amplitude of nearby frequencies, which falls with
        # the frequency.
        filters = [to_pattern(float32(chips * own * frequencies)) for own in members]
        self._filters = np.stack([(each * self._window).ravel() for each in filters])
        """What a face's suppressed detail is correlated with, [groups, pixels]."""
        self._power = float((self._patterns.sum(0) ** 2).mean())
        """Mean square of the sum of all patterns."""
        self._response = float(np.vdot(self._patterns, np.stack(filters))) / _GROUPS
        """Correlation of a group's pattern with its filter, without the window."""

    def embed(
        self, picture: Rgb, mask: Mask, frame_to_crop: Affine, geometry: CropGeometry
    ) -> Box | None:
        """Add the watermark to a pasted face, in place.

        Args:
            picture: The frame, [height, width, 3].
            mask: The face's mask in its crop; it also weights the watermark.
            frame_to_crop: The map from pixels of the frame to pixels of the crop.
            geometry: The crop's geometry.

        Returns:
            The changed region as left, top, right, bottom; None if the face is too small or
            outside the picture.
        """
        crop_to_grid = _crop_to_grid(geometry)
        frame_to_grid = compose_affine(crop_to_grid, frame_to_crop)
        if affine_scale(frame_to_grid) > _MAX_GRID_SCALE:
            return None
        left, top, right, bottom = box = _region(picture, frame_to_grid)
        if left >= right or top >= bottom:
            return None
        part = picture[top:bottom, left:right]
        part_to_grid = frame_to_grid.copy()
        part_to_grid[:, 2] += frame_to_grid[:, :2] @ float32([left, top])
        weight = cv2.warpAffine(mask, crop_to_grid, (GRID_SIZE, GRID_SIZE))
        area = cv2.mean(mask)[0] / 255 * mask.size * affine_scale(crop_to_grid) ** 2
        layer = self._layer(_luma(picture, frame_to_grid), float32(weight / 255), area)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        added = cv2.warpAffine(layer, part_to_grid, part.shape[1::-1], flags=flags)
        # Bytes with an offset: an addition of mixed types takes twice the time.
        added = (added + (_OFFSET + 0.5)).astype(np.uint8)
        part[:] = cv2.addWeighted(part, 1, cv2.merge((added, added, added)), 1, -_OFFSET)
        return box

    def _layer(self, luma: Grid, weight: Grid, area: float) -> Grid:
        """Return what is added to a face, in luma levels.

        Args:
            luma: The face on the grid, 0 to 255.
            weight: The face's mask on the grid, 0 to 1.
            area: The area of the whole mask, also outside the grid, in pixels of the grid.
        """
        suppressed = suppress_detail(luma)
        smooth = cv2.GaussianBlur(suppressed.variance, (0, 0), _AMPLITUDE_BLUR)
        # The pattern survives where the face has little detail of its own.
        envelope = self._window * weight / np.sqrt(smooth)
        area = min(area, _LARGEST_AREA * float(weight.sum()))
        power = self._power * float((envelope * envelope).sum()) / max(1.0, area)
        amplitude = _STRENGTH / np.sqrt(power + TINY)
        envelope = np.minimum(envelope, _LARGEST_STRENGTH / (amplitude * np.sqrt(self._power)))
        shared = float((envelope * self._window / suppressed.variance).mean())
        own = self._filters @ suppressed.detail.ravel() / (self._response * shared + TINY)
        amplitudes = np.clip(
            amplitude - _COMPENSATION * own, _MIN_AMPLITUDE * amplitude, _MAX_AMPLITUDE * amplitude
        )
        return float32((float32(amplitudes) @ self._patterns).reshape(luma.shape) * envelope)


def _luma(picture: Rgb, frame_to_grid: Affine) -> Grid:
    """Return a face on the grid, 0 to 255."""
    if affine_scale(frame_to_grid) > _BILINEAR_SCALE:
        # `crop_face` averages or enlarges bicubically, which takes ten times as long.
        size = (GRID_SIZE, GRID_SIZE)
        face = cv2.warpAffine(picture, frame_to_grid, size, borderMode=cv2.BORDER_REPLICATE)
    else:
        face = crop_face(picture, frame_to_grid, GRID_SIZE)
    return float32(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY))


@lru_cache
def _crop_to_grid(geometry: CropGeometry) -> Affine:
    """Return the map from a crop to the grid: the same for every face, and slow to fit."""
    return geometry.affine_to(GRID_GEOMETRY)


def _region(picture: Rgb, frame_to_grid: Affine) -> Box:
    """Return left, top, right and bottom of the grid in the picture, clipped to the picture."""
    corners: Points = apply_affine(invert_affine(frame_to_grid), _CORNERS)
    left, top = np.floor(corners.min(0)).astype(int)
    right, bottom = np.ceil(corners.max(0)).astype(int) + 1
    height, width = picture.shape[:2]
    return max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))
