"""How much a crop is worth for training: figures of one face, from its crop, mask and landmarks."""

from typing import Annotated

import cv2
import numpy as np
from jaxtyping import Bool, Float32
from pydantic import Field

from faceloom.array_types import Affine, Mask, Points, Rgb, float32, to_uint8
from faceloom.color import luma
from faceloom.faces.landmarks import EYE_LEFT, EYE_RIGHT, INNER_LIPS, LOWER_LID, UPPER_LID
from faceloom.json_documents import StrictModel

# Side in pixels at which sharpness is judged: what about 60 px of face can fill, and what small networks see.
_JUDGED_SIDE = 128
# Side at which backgrounds are judged: grain and compression are gone, a wall is still a wall.
_BACKGROUND_SIDE = 64
# Delta E within which two background colors are one, and the side of the cells in which it is looked for.
_ONE_COLOR = 10.0
# Weight of lightness in it: a lamp makes a plain wall brighter on one side.
_LIGHTNESS = 0.3
# Below this share of the crop's height there are shoulders, or the edge repeated.
_ABOVE_SHOULDERS = 0.6
# Levels at or beyond which a sensor has cut.
_BLACK, _WHITE = 3, 252
_HASH_SIDE = 32

Level = Annotated[int, Field(ge=0, le=255)]
PerceptualHash = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class Quality(StrictModel):
    """What is known about a crop besides its pose.

    sharpness: fine detail against contrast at one size for all faces; about 0.8 sharp, below 0.2 blurred.
    exposure: mean luma of the face, 0..1. clipped: share of the face's pixels cut to black or white, 0..1.
    eyes_open: lid gap over eye width, both eyes' mean; about 0.3 open. The mesh never quite shuts an eye: a shut
    one measures about 0.2, which tells most beside the same person's open ones.
    mouth_open: gap between the lips over the wider eye's width; 0 shut, about 1 wide open.
    background: share of the crop outside the face, 0..1. background_uniform: share of it
    above the shoulders that is one color, 0..1.
    background_rgb: that color. hash: 64 bits that stay nearly equal for pictures that look alike.
    """

    sharpness: float
    exposure: float
    clipped: float
    eyes_open: float
    mouth_open: float
    background: float
    background_uniform: float
    background_rgb: tuple[Level, Level, Level]
    hash: PerceptualHash


def crop_quality(
    crop: Rgb, mask: Mask, mesh_xy: Float32[np.ndarray, "468 2"], frame_to_crop: Affine
) -> Quality:
    """Judge a crop.

    `mask` and `mesh_xy` are in the crop's pixels; `frame_to_crop` is the map it was cut by, which
    tells how much it was enlarged. With an empty mask every figure of the face is 0.
    """
    # What is judged at still smaller sizes is reduced from here: from the whole crop it takes four times as long.
    small, small_mask = (_reduced(picture, _JUDGED_SIDE) for picture in (crop, mask))
    inside = small_mask > 127
    uniform, color = background_color(small, small_mask)
    return Quality(
        sharpness=sharpness(crop, mask, float(np.hypot(*frame_to_crop[:, 0]))),
        exposure=float(luma(small)[inside].mean()) if inside.any() else 0.0,
        # Single pixels, as a mean of several is hardly ever cut; some tell it as well as all.
        clipped=clipped_share(_thinned(crop, _JUDGED_SIDE), inside),
        eyes_open=eyes_open(mesh_xy),
        mouth_open=mouth_open(mesh_xy),
        background=1 - float(inside.mean()),
        background_uniform=uniform,
        background_rgb=color,
        hash=perceptual_hash(small),
    )


def sharpness(crop: Rgb, mask: Mask, enlargement: float) -> float:
    """Return the spread of the Laplacian over the spread of the luma itself, inside the mask.

    `enlargement` is crop pixels a source pixel. The crop is first reduced to 128 px a side, or to
    the pixels its source had where those are fewer, and measured there. So a small face is not
    blamed for the pixels that enlarging made up, and a large one is not praised for pores that no
    training size shows. Dividing by the luma's own spread keeps a dim face from counting as blurred.
    On rendered faces of 300, 150 and 70 px this gives 0.80, 0.79 and 0.66; with a blur of sigma 4 px on
    the first 0.28.
    """
    side = max(8, min(_JUDGED_SIDE, round(len(crop) / enlargement)))
    gray = luma(_reduced(crop, side))
    inside = _reduced(mask, side) > 200
    if not inside.any():
        return 0.0
    detail = cv2.Laplacian(gray, cv2.CV_32F)[inside].std()
    return float(detail / max(gray[inside].std(), 1e-3))


def clipped_share(crop: Rgb, inside: Bool[np.ndarray, "h w"]) -> float:
    """Return the share of the pixels inside that are black, or white in two channels at least.

    In one channel alone: red is cut first on skin in warm light, and little is lost.
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

    The wider eye is the nearer one: turning the head shortens the other, which would seem to open it.
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
    """
    lips = mesh_xy[list(INNER_LIPS)]
    return float(np.linalg.norm(lips[5] - lips[15])) / _eye_width(mesh_xy)


def background_color(crop: Rgb, mask: Mask) -> tuple[float, tuple[int, int, int]]:
    """Return the largest share of the pixels beside and above the face that are one color (0..1), and that color.

    Light and shade count little. Hair lies outside the mask too: before the painted wall of a studio the
    share is 0.63 to 0.81, in rooms of many colors about 0.5.
    """
    above = round(_BACKGROUND_SIDE * _ABOVE_SHOULDERS)
    small, outside = (
        _reduced(crop, _BACKGROUND_SIDE)[:above],
        _reduced(mask, _BACKGROUND_SIDE)[:above] < 20,
    )
    colors = small[outside]
    if not len(colors):
        return 0.0, (0, 0, 0)
    # In whole levels: OpenCV's conversion of floats takes twenty times as long.
    levels = float32(cv2.cvtColor(colors[None], cv2.COLOR_RGB2LAB)[0])
    lab = levels * float32([_LIGHTNESS * 100 / 255, 1, 1]) - float32([0, 128, 128])
    # One number a cell, to be counted fast: a* and b* are at most 13 cells from 0.
    cells = (np.rint(lab / _ONE_COLOR) @ float32([32 * 32, 32, 1])).astype(np.int64) + 16 * 32 + 16
    near = cells == np.bincount(cells).argmax()
    # The fullest cell may hold a wall's edge: follow the color to its middle.
    for _ in range(3):
        near = np.square(lab - _mean(lab, near)) @ np.ones(3, np.float32) < _ONE_COLOR**2
    red, green, blue = to_uint8(_mean(float32(colors), near)).tolist()
    return float(near.mean()), (red, green, blue)


def perceptual_hash(crop: Rgb) -> str:
    """Return 64 bits as 16 hexadecimal digits: which low frequencies of the crop's middle are above their median.

    The discrete cosine transform of the middle two thirds at 32 x 32, its 8 x 8 lowest terms without the mean.
    """
    edge = len(crop) // 6
    gray = luma(_reduced(crop[edge : len(crop) - edge, edge : len(crop) - edge], _HASH_SIDE))
    low = cv2.dct(gray)[:8, :8].ravel()
    bits = low > np.median(low[1:])
    return np.packbits(bits).tobytes().hex()


def _mean(
    rows: Float32[np.ndarray, "n k"], chosen: Bool[np.ndarray, "n"]
) -> Float32[np.ndarray, "k"]:
    # As a product: picking the rows first takes twice as long.
    weights = float32(chosen)
    return float32(weights @ rows / weights.sum())


def _eye_width(mesh_xy: Points) -> float:
    widths = [
        float(np.linalg.norm(mesh_xy[ring[0]] - mesh_xy[ring[8]])) for ring in (EYE_LEFT, EYE_RIGHT)
    ]
    return max(*widths, 1e-6)


def _reduced(picture: Rgb | Mask, side: int) -> np.ndarray:
    # Averaging two by two pixels twice takes a third of the time of four by four; the mean of means is the same mean.
    if len(picture) > 2 * side and len(picture) % (2 * side) == 0:
        picture = _reduced(picture, len(picture) // 2)
    reduced: np.ndarray = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return reduced


def _thinned(picture: Rgb, side: int) -> np.ndarray:
    thinned: np.ndarray = cv2.resize(picture, (side, side), interpolation=cv2.INTER_NEAREST)
    return thinned
