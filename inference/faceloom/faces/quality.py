"""Quality of a crop as training data, measured from the crop, its mask and landmarks."""

from typing import Annotated

import cv2
import numpy as np
from jaxtyping import Bool, Float32
from pydantic import Field

from faceloom.array_types import Mask, Points, Rgb, float32, to_uint8
from faceloom.color import luma
from faceloom.faces.alignment import affine_scale
from faceloom.faces.face_crop import FaceCrop
from faceloom.faces.landmarks import EYE_LEFT, EYE_RIGHT, INNER_LIPS, LOWER_LID, UPPER_LID
from faceloom.json_documents import StrictModel

# Side in pixels at which sharpness is measured: about 60 pixels of face can fill it, and small
# networks work at it.
_SHARPNESS_SIDE = 128
# Side in pixels at which backgrounds are measured: grain and compression vanish, a wall does not.
_BACKGROUND_SIDE = 64
# Delta E within which two background colors count as one, and the side of the histogram's cells.
_ONE_COLOR = 10.0
# Weight of lightness in that distance: a lamp makes a plain wall brighter on one side.
_LIGHTNESS_WEIGHT = 0.3
# Part of the crop's height above the shoulders and above the replicated border.
_ABOVE_SHOULDERS = 0.6
# Level, 0..255, up to which a pixel is clipped to black.
_BLACK = 3
# Level, 0..255, from which a pixel is clipped to white.
_WHITE = 252
# Mask level above which a pixel counts as face where a few background pixels do no harm.
_INSIDE = 127
# Mask level above which a pixel is surely face.
_SURELY_INSIDE = 200
# Mask level below which a pixel is surely background.
_SURELY_OUTSIDE = 20
# Side in pixels of the picture that is hashed.
_HASH_SIDE = 32
# Iterations of mean shift from the fullest histogram cell to the color's center.
_MEAN_SHIFT_STEPS = 3

Level = Annotated[int, Field(ge=0, le=255)]
PerceptualHash = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class Quality(StrictModel):
    """What is measured of a crop besides the pose."""

    sharpness: float
    """Fine detail relative to contrast at one size for all faces; 0.8 is sharp, 0.2 blurred."""
    exposure: float
    """Mean luma of the face, 0..1."""
    clipped: float
    """Fraction of the face's pixels that are clipped to black or white, 0..1."""
    eyes_open: float
    """Gap of the lids over eye width, mean of both eyes; about 0.3 is open.

    The mesh never closes an eye completely: a closed one measures about 0.2, so compare with
    other pictures of the same person.
    """
    mouth_open: float
    """Gap between the lips over the wider eye's width; 0 is closed, 1 wide open."""
    background: float
    """Fraction of the crop outside the face, 0..1."""
    background_uniform: float
    """Fraction of the background above the shoulders that has one color, 0..1."""
    background_rgb: tuple[Level, Level, Level]
    """That color."""
    hash: PerceptualHash
    """64 bits that differ in few places between pictures that look alike."""


def crop_quality(crop: FaceCrop) -> Quality:
    """Measure a crop.

    Args:
        crop: The crop. Its map from the frame tells how much it was enlarged.

    Returns:
        The measurements; with an empty mask those of the face are 0.
    """
    # The smaller sizes are computed from this one: from the full crop they take four times as long.
    small, small_mask = (_shrink(picture, _SHARPNESS_SIDE) for picture in (crop.rgb, crop.mask))
    inside = small_mask > _INSIDE
    uniform, color = background_color(small, small_mask)
    return Quality(
        sharpness=sharpness(crop.rgb, crop.mask, affine_scale(crop.frame_to_crop)),
        exposure=float(luma(small)[inside].mean()) if inside.any() else 0.0,
        # Single pixels, as a mean of several is hardly ever clipped; a sample is enough.
        clipped=clipped_fraction(_sample_pixels(crop.rgb, _SHARPNESS_SIDE), inside),
        eyes_open=eyes_open(crop.mesh_xy),
        mouth_open=mouth_open(crop.mesh_xy),
        background=1 - float(inside.mean()),
        background_uniform=uniform,
        background_rgb=color,
        hash=perceptual_hash(small),
    )


def sharpness(crop: Rgb, mask: Mask, enlargement: float) -> float:
    """Return the standard deviation of the Laplacian over that of the luma, inside the mask.

    The crop is first reduced to 128 pixels a side, or to the pixels that its source had where
    those are fewer. So a small face does not count as blurred because it was enlarged, and a large
    one does not count as sharper for pores that no training size shows. Dividing by the luma's own
    deviation keeps a dim face from counting as blurred. Rendered faces of 300, 150 and 70 pixels
    give 0.80, 0.79 and 0.66; the first gives 0.28 with a Gaussian blur of sigma 4 pixels.

    Args:
        crop: The crop, square.
        mask: Its mask.
        enlargement: Pixels of the crop for one pixel of its source.

    Returns:
        The ratio; 0 if the mask is empty.
    """
    side = max(8, min(_SHARPNESS_SIDE, round(len(crop) / enlargement)))
    gray = luma(_shrink(crop, side))
    inside = _shrink(mask, side) > _SURELY_INSIDE
    if not inside.any():
        return 0.0
    detail = cv2.Laplacian(gray, cv2.CV_32F)[inside].std()
    return float(detail / max(gray[inside].std(), 1e-3))


def clipped_fraction(crop: Rgb, inside: Bool[np.ndarray, "h w"]) -> float:
    """Return the fraction of the pixels that are black, or white in at least two channels.

    One white channel is not enough: red clips first on skin in warm light, and little is lost.

    Args:
        crop: The crop.
        inside: Which pixels count.

    Returns:
        The fraction, 0..1; 0 if no pixel counts.
    """
    pixels = crop[inside]
    if not len(pixels):
        return 0.0
    # Channel by channel, as numpy is slow along an axis of three.
    black = np.logical_and.reduce([channel <= _BLACK for channel in pixels.T])
    whites = np.sum([channel >= _WHITE for channel in pixels.T], 0, np.uint8)
    return float((black | (whites >= 2)).mean())


def eyes_open(mesh_xy: Float32[np.ndarray, "468 2"]) -> float:
    """Return the gap between the lids over the wider eye's width, the mean of both eyes.

    The wider eye is the nearer one: turning the head narrows the other, which would seem to open.

    Args:
        mesh_xy: The landmarks in pixels of the crop.

    Returns:
        The ratio.
    """
    rings = [mesh_xy[list(ring)] for ring in (EYE_LEFT, EYE_RIGHT)]
    gaps = [
        np.linalg.norm(ring[list(UPPER_LID)] - ring[list(LOWER_LID)], axis=1).mean()
        for ring in rings
    ]
    return float(np.mean(gaps)) / _eye_width(mesh_xy)


def mouth_open(mesh_xy: Float32[np.ndarray, "468 2"]) -> float:
    """Return the gap between the lips' inner edges over the wider eye's width.

    Not over the mouth's own width, which a smile doubles and a whistle halves.

    Args:
        mesh_xy: The landmarks in pixels of the crop.

    Returns:
        The ratio.
    """
    lips = mesh_xy[list(INNER_LIPS)]
    return float(np.linalg.norm(lips[5] - lips[15])) / _eye_width(mesh_xy)


def background_color(crop: Rgb, mask: Mask) -> tuple[float, tuple[int, int, int]]:
    """Find the dominant color beside and above the face.

    Lightness has little weight. Hair is outside the mask too: before a studio's painted wall the
    fraction is 0.63 to 0.81, in rooms of many colors about 0.5.

    Args:
        crop: The crop.
        mask: Its mask.

    Returns:
        The fraction of the background above the shoulders that has this color, 0..1, and the color
        as RGB; 0 and black if there is no background.
    """
    above = round(_BACKGROUND_SIDE * _ABOVE_SHOULDERS)
    small, outside = (
        _shrink(crop, _BACKGROUND_SIDE)[:above],
        _shrink(mask, _BACKGROUND_SIDE)[:above] < _SURELY_OUTSIDE,
    )
    colors = small[outside]
    if not len(colors):
        return 0.0, (0, 0, 0)
    # In uint8: OpenCV's conversion of floats takes twenty times as long.
    levels = float32(cv2.cvtColor(colors[None], cv2.COLOR_RGB2LAB)[0])
    lab = levels * float32([_LIGHTNESS_WEIGHT * 100 / 255, 1, 1]) - float32([0, 128, 128])
    # One number for each histogram cell, so that `bincount` applies; a* and b* are at most 13 cells
    # from 0.
    cells = (np.rint(lab / _ONE_COLOR) @ float32([32 * 32, 32, 1])).astype(np.int64) + 16 * 32 + 16
    near = cells == np.bincount(cells).argmax()
    # The fullest cell may contain the edge of a color's distribution: shift to its center.
    for _ in range(_MEAN_SHIFT_STEPS):
        near = np.square(lab - _mean(lab, near)) @ np.ones(3, np.float32) < _ONE_COLOR**2
    red, green, blue = to_uint8(_mean(float32(colors), near)).tolist()
    return float(near.mean()), (red, green, blue)


# imagehash would add scipy to the runtime, about 35 MB.
def perceptual_hash(crop: Rgb) -> str:
    """Hash the look of a crop: which low frequencies of its middle are above their median.

    The discrete cosine transform of the middle two thirds at 32 x 32 pixels, its 8 x 8 lowest
    terms; the median leaves out the mean.

    Args:
        crop: The crop, square.

    Returns:
        64 bits as 16 hexadecimal digits.
    """
    edge = len(crop) // 6
    gray = luma(_shrink(crop[edge : len(crop) - edge, edge : len(crop) - edge], _HASH_SIDE))
    low = cv2.dct(gray)[:8, :8].ravel()
    bits = low > np.median(low[1:])
    return np.packbits(bits).tobytes().hex()


def _mean(
    rows: Float32[np.ndarray, "n k"], selected: Bool[np.ndarray, "n"]
) -> Float32[np.ndarray, "k"]:
    # As a product: indexing the rows first takes twice as long.
    weights = float32(selected)
    return float32(weights @ rows / weights.sum())


def _eye_width(mesh_xy: Points) -> float:
    widths = [
        float(np.linalg.norm(mesh_xy[ring[0]] - mesh_xy[ring[8]])) for ring in (EYE_LEFT, EYE_RIGHT)
    ]
    return max(*widths, 1e-6)


def _shrink(picture: Rgb | Mask, side: int) -> np.ndarray:
    # Averaging 2 x 2 pixels twice takes a third of the time of 4 x 4, with the same result.
    if len(picture) > 2 * side and len(picture) % (2 * side) == 0:
        picture = _shrink(picture, len(picture) // 2)
    shrunk: np.ndarray = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return shrunk


def _sample_pixels(picture: Rgb, side: int) -> np.ndarray:
    sampled: np.ndarray = cv2.resize(picture, (side, side), interpolation=cv2.INTER_NEAREST)
    return sampled
