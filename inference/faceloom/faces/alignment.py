"""Alignment: the similarity transform that maps a face in a frame to a crop.

The template is DeepFaceLab's "whole face" (as published: five points in 0..1 of the crop's side),
which every host program of .dfm models supports. A crop of coverage 1 is that square; coverage
1.5 shows half as much again around the same center.
"""

from typing import Annotated

import cv2
import numpy as np
from jaxtyping import Float32
from pydantic import Field

from faceloom.array_types import Affine, Points, Rgb, float32
from faceloom.json_documents import StrictModel

# Eye centers, nose tip and mouth corners in 0..1 of the side of a crop of coverage 1.
WHOLE_FACE_TEMPLATE = (
    (0.3712, 0.3996),
    (0.6195, 0.3996),
    (0.4954, 0.5402),
    (0.3847, 0.6643),
    (0.6061, 0.6643),
)
# The same template, shifted sideways so that the face's midline is the crop's midline. Mirrored, it
# maps to itself; the published one is displaced by 1.3 pixels at 128 pixels a side.
CENTERED_TEMPLATE = tuple((round(x + 0.5 - 0.49535, 5), y) for x, y in WHOLE_FACE_TEMPLATE)

# The map that changes nothing.
IDENTITY_AFFINE = float32([[1, 0, 0], [0, 1, 0]])

# Largest side of a crop in pixels.
MAX_CROP_SIDE = 4096
# Coordinate of a template point, in sides of the crop.
TemplateCoordinate = Annotated[float, Field(ge=-10, le=10)]


class CropGeometry(StrictModel):
    """A square crop whose template covers 1/`coverage` of its side.

    Face sets and bundles store it, so that a crop is the same wherever it is made.
    """

    size: Annotated[int, Field(ge=32, le=MAX_CROP_SIDE)]
    """Side of the crop in pixels."""
    coverage: Annotated[float, Field(ge=0.01, le=100)]
    """Side of the crop in sides of the template's unit square."""
    template: Annotated[
        tuple[tuple[TemplateCoordinate, TemplateCoordinate], ...], Field(min_length=5, max_length=5)
    ] = WHOLE_FACE_TEMPLATE
    """The five points in 0..1 of the side of a crop of coverage 1."""

    def template_xy(self) -> Points:
        """Return the five points in pixels of the crop (the center of pixel 0 is at 0)."""
        unit = float32(self.template)
        return float32(self.size * (0.5 + (unit - 0.5) / self.coverage) - 0.5)

    def frame_to_crop(self, points_xy: Float32[np.ndarray, "5 2"]) -> Affine:
        """Return the similarity transform that maps a face's five points closest to the template.

        Args:
            points_xy: The five points in pixels of the frame.

        Returns:
            The map from the frame's pixels to the crop's.
        """
        return umeyama(points_xy, self.template_xy())

    def affine_to(self, other: "CropGeometry") -> Affine:
        """Return the map from this crop's pixels to those of another crop of the same face.

        Args:
            other: The geometry of the other crop.

        Returns:
            The map from pixels of this crop to pixels of the other.
        """
        if self.template != other.template:
            return umeyama(self.template_xy(), other.template_xy())
        scale = other.size * self.coverage / (self.size * other.coverage)
        shift = (other.size - 1) / 2 - scale * (self.size - 1) / 2
        return float32([[scale, 0, shift], [0, scale, shift]])


def umeyama(
    from_xy: Float32[np.ndarray, "k d"], to_xy: Float32[np.ndarray, "k d"]
) -> Float32[np.ndarray, "d _"]:
    """Return the similarity transform (rotation, scale, translation) with the least squared error.

    S. Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns", IEEE TPAMI 13(4), 1991, equations 38 to 43.

    Args:
        from_xy: k points of d coordinates.
        to_xy: The k points that they should be mapped to.

    Returns:
        The transform, [d, d + 1].
    """
    from_mean, to_mean = from_xy.mean(0), to_xy.mean(0)
    from_centered, to_centered = from_xy - from_mean, to_xy - to_mean
    u, d, vt = np.linalg.svd(to_centered.T @ from_centered / len(from_xy))
    sign = np.ones(len(d))
    sign[-1] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotation = u @ np.diag(sign) @ vt
    scale = (d * sign).sum() / from_centered.var(0).sum()
    shift = to_mean - scale * rotation @ from_mean
    return np.concatenate([scale * rotation, shift[:, None]], 1).astype(np.float32)


def fit_affine(from_xy: Float32[np.ndarray, "k 2"], to_xy: Float32[np.ndarray, "k 2"]) -> Affine:
    """Return the affine map with the least squared error.

    Args:
        from_xy: At least three points that are not on one line.
        to_xy: The points that they should be mapped to.

    Returns:
        The map.
    """
    rows = np.concatenate([from_xy, np.ones((len(from_xy), 1))], 1)
    solution, *_ = np.linalg.lstsq(rows, to_xy.astype(np.float64), rcond=None)
    return float32(solution.T)


def invert_affine(affine: Affine) -> Affine:
    """Return the inverse of an affine map.

    Args:
        affine: An invertible map.

    Returns:
        Its inverse.
    """
    return float32(cv2.invertAffineTransform(affine))


def compose_affine(outer: Affine, inner: Affine) -> Affine:
    """Return the map that applies `inner` and then `outer`.

    Args:
        outer: The map that is applied last.
        inner: The map that is applied first.
    """
    linear, shift = outer[:, :2], outer[:, 2:]
    return float32(np.concatenate([linear @ inner[:, :2], linear @ inner[:, 2:] + shift], 1))


def affine_scale(affine: Affine) -> float:
    """Return how many times as long a map makes things, averaged over directions.

    Args:
        affine: The map: a similarity, or one that also stretches pixels to squares.

    Returns:
        The square root of the factor by which it changes areas.
    """
    return float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))


def apply_affine(
    affine: Float32[np.ndarray, "d _"], points: Float32[np.ndarray, "k d"]
) -> Float32[np.ndarray, "k d"]:
    """Map points of the plane or of space.

    Args:
        affine: The map, [d, d + 1].
        points: k points of d coordinates.

    Returns:
        The mapped points.
    """
    return float32(points @ affine[:, :-1].T + affine[:, -1])


def crop_face(picture: Rgb, frame_to_crop: Affine, size: int) -> Rgb:
    """Cut an aligned crop; outside the picture its edge is repeated.

    A face much larger than the crop is averaged (area interpolation): bilinear sampling below half
    size would alias pores and beards to noise.

    Args:
        picture: The picture that shows the face.
        frame_to_crop: Map from the picture's pixels to the crop's.
        size: Side of the crop in pixels.

    Returns:
        The crop, `size` pixels square.
    """
    factor = max(1, round(1 / affine_scale(frame_to_crop)))
    if factor == 1:
        return _warp(picture, frame_to_crop, size)
    return cv2.resize(
        _warp(picture, scale_affine(frame_to_crop, factor), size * factor),
        (size, size),
        interpolation=cv2.INTER_AREA,
    )


def scale_affine(frame_to_crop: Affine, factor: float) -> Affine:
    """Return the map to the same crop at another resolution.

    Args:
        frame_to_crop: Map to the pixels of a crop.
        factor: How many times as many pixels a side the other crop has.

    Returns:
        The map to the pixels of the other crop.
    """
    return float32(frame_to_crop * factor + [[0, 0, (factor - 1) / 2]])


def _warp(picture: Rgb, affine: Affine, size: int) -> Rgb:
    interpolation = cv2.INTER_LINEAR
    if affine_scale(affine) > 1:
        # Bicubic enlarging keeps edges that a bilinear filter would soften.
        interpolation = cv2.INTER_CUBIC
        picture, affine = _visible_part(picture, affine, size)
    return cv2.warpAffine(
        picture, affine, (size, size), flags=interpolation, borderMode=cv2.BORDER_REPLICATE
    )


def _visible_part(picture: Rgb, affine: Affine, size: int) -> tuple[Rgb, Affine]:
    """Return the part of a picture that a crop shows, with a replicated border, and its map.

    OpenCV's bicubic warp takes an eighth longer if it replicates the border itself, for a face
    near the border.
    """
    end = size - 1
    corners = apply_affine(invert_affine(affine), float32([[0, 0], [end, 0], [0, end], [end, end]]))
    # The bicubic kernel reads one pixel before the sampled one, and two beyond.
    low, high = np.floor(corners.min(0)).astype(int) - 1, np.ceil(corners.max(0)).astype(int) + 3
    first, last = np.maximum(low, 0), np.minimum(high, picture.shape[1::-1])
    if ((first == low).all() and (last == high).all()) or (first >= last).any():
        return picture, affine
    (left, top), (right, bottom) = (first - low).tolist(), (high - last).tolist()
    part = picture[first[1] : last[1], first[0] : last[0]]
    padded = cv2.copyMakeBorder(part, top, bottom, left, right, cv2.BORDER_REPLICATE)
    return padded, np.concatenate([affine[:, :2], apply_affine(affine, float32(low[None])).T], 1)
