"""Things put before a face: hands of other pictures, shapes, microphones, strands, glasses."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.faces.parsing.regions import Region
from faceloom_train.crowd import CrowdPicture, Regions
from faceloom_train.face_parsing.textures import random_texture

Image = Float32[np.ndarray, "_ _ 3"]
Coverage = Float32[np.ndarray, "_ _"]

# Shares of the samples that get each kind of overlay.
_HAND = 0.4
_SHAPE = 0.35
_MICROPHONE = 0.08
_STRANDS = 0.2
_GLASSES = 0.12
# Share of the shapes and microphones that have one color, and of the hands whose color is that of
# the face's skin, as a person's own hand has.
_PLAIN = 0.5
_OWN_HAND = 0.5
# Thickness of bars as a fraction of the crop's side; thin ones, such as sticks and straws, are as
# frequent as wide ones.
_BAR_THICKNESS = (0.012, 0.2)
# Fewest pixels of a hand that is worth pasting.
_MIN_PIXELS = 300
# Coverage from which a pixel belongs to the overlay.
_OWNED = 0.5


def add_overlays(
    rng: np.random.Generator, image: Image, regions: Regions, others: Sequence[CrowdPicture]
) -> tuple[Image, Regions]:
    """Return the sample with random things before the face.

    Args:
        rng: Source of randomness.
        image: RGB, 0 to 1.
        regions: The `Region` of each pixel.
        others: Pictures that hands and textures are taken from.

    Returns:
        A new image and new regions.
    """
    textures = [float32(other.rgb) / 255 for other in others]
    side = len(image)
    shapes: list[tuple[float, Callable[..., Coverage], Region]] = [
        (_STRANDS, _draw_strands, Region.HAIR),
        (_GLASSES, _draw_glasses, Region.GLASSES),
        (_SHAPE, _draw_shape, Region.OCCLUDER),
        (_MICROPHONE, _draw_microphone, Region.OCCLUDER),
    ]
    for share, draw, region in shapes:
        if rng.random() < share:
            coverage = draw(rng, regions)
            texture = random_texture(rng, side, textures)
            if region is not Region.OCCLUDER or rng.random() < _PLAIN:
                # Strands and frames have one color.
                texture = np.broadcast_to(texture.mean((0, 1)), texture.shape)
            image, regions = _paste(image, regions, texture, coverage, region)
    if rng.random() < _HAND:
        image, regions = _paste_hand(rng, image, regions, others)
    return image, regions


def _paste(
    image: Image, regions: Regions, overlay: Image, coverage: Coverage, region: Region
) -> tuple[Image, Regions]:
    image = image + coverage[..., None] * (overlay - image)
    return image, np.where(coverage > _OWNED, np.uint8(region), regions)


def _paste_hand(
    rng: np.random.Generator, image: Image, regions: Regions, others: Sequence[CrowdPicture]
) -> tuple[Image, Regions]:
    """Paste the occluder of another picture, if one has any."""
    for other in others:
        where = other.regions == Region.OCCLUDER
        if where.sum() < _MIN_PIXELS:
            continue
        side = len(image)
        middle = np.argwhere(where).mean(0)[::-1]
        pivot = (float(middle[0]), float(middle[1]))
        angle, scale = rng.uniform(0, 360), rng.uniform(0.4, 1.1)
        affine = np.array(cv2.getRotationMatrix2D(pivot, angle, scale), np.float64)
        affine[:, 2] += rng.uniform(0.05, 0.95, 2) * side - middle
        coverage = cv2.warpAffine(float32(where), affine, (side, side))
        hand = float32(cv2.warpAffine(other.rgb, affine, (side, side))) / 255
        gain = np.exp(rng.normal(0, 0.2, 3))
        skin = regions == Region.SKIN
        if skin.any() and rng.random() < _OWN_HAND:
            own = (hand * coverage[..., None]).sum((0, 1)) / max(float(coverage.sum()), 1)
            gain = image[skin].mean(0) / np.maximum(own, 0.02) * np.exp(rng.normal(0, 0.1))
        hand = np.clip(hand * float32(gain), 0, 1)
        return _paste(image, regions, hand, coverage, Region.OCCLUDER)
    return image, regions


def _draw_shape(rng: np.random.Generator, regions: Regions) -> Coverage:
    """Draw a bar from one edge to another, an ellipse or a polygon."""
    canvas = np.zeros(regions.shape, np.uint8)
    side = len(canvas)
    # Every second shape is a bar.
    kind = rng.integers(-1, 3)
    if kind <= 0:
        ends = rng.uniform(-0.3, 1.3, (2, 2)) * side
        thickness = side * float(np.exp(rng.uniform(*np.log(_BAR_THICKNESS))))
        cv2.line(canvas, _pixel(ends[0]), _pixel(ends[1]), 255, round(thickness), cv2.LINE_AA)
    elif kind == 1:
        axes = _pixel(rng.uniform(0.05, 0.3, 2) * side)
        center = _pixel(rng.uniform(0, 1, 2) * side)
        cv2.ellipse(canvas, center, axes, rng.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA)
    else:
        corners = rng.uniform(0, 1, 2) + rng.normal(0, 0.15, (int(rng.integers(3, 8)), 2))
        hull = cv2.convexHull(np.rint(corners * side).astype(np.int32))
        cv2.fillConvexPoly(canvas, hull, 255, cv2.LINE_AA)
    return float32(canvas) / 255


def _draw_microphone(rng: np.random.Generator, regions: Regions) -> Coverage:
    """Draw a ball on a handle that comes from below."""
    canvas = np.zeros(regions.shape, np.uint8)
    side = len(canvas)
    ball = np.array([rng.uniform(0.2, 0.8), rng.uniform(0.55, 0.95)]) * side
    radius = int(side * rng.uniform(0.05, 0.15))
    foot = ball + side * np.array([rng.normal(0, 0.4), 1])
    cv2.circle(canvas, _pixel(ball), radius, 255, -1, cv2.LINE_AA)
    cv2.line(canvas, _pixel(ball), _pixel(foot), 255, max(2, int(radius * 0.9)), cv2.LINE_AA)
    return float32(canvas) / 255


def _draw_strands(rng: np.random.Generator, regions: Regions) -> Coverage:
    """Draw a bunch of thin curves that fall from the top over the face."""
    canvas = np.zeros(regions.shape, np.uint8)
    side = len(canvas)
    root = np.array([rng.uniform(0.1, 0.9), rng.uniform(-0.1, 0.25)]) * side
    control = root + side * np.array([rng.normal(0, 0.25), rng.uniform(0.1, 0.4)])
    tip = control + side * np.array([rng.normal(0, 0.25), rng.uniform(0.1, 0.5)])
    t = np.linspace(0, 1, 12)[:, None]
    curve = (1 - t) ** 2 * root + 2 * t * (1 - t) * control + t**2 * tip
    spread = side * rng.uniform(0.005, 0.05)
    # A single loose strand is as likely as a thick bunch.
    for _ in range(round(float(np.exp(rng.uniform(0, np.log(25)))))):
        points = np.rint(curve + rng.normal(0, spread, 2) * (0.3 + t)).astype(np.int32)
        cv2.polylines(canvas, [points], False, 255, int(rng.integers(1, 3)), cv2.LINE_AA)
    return float32(canvas) / 255


def _draw_glasses(rng: np.random.Generator, regions: Regions) -> Coverage:
    """Draw two rims around the eyes, a bridge and temples, if both eyes are visible."""
    canvas = np.zeros(regions.shape, np.uint8)
    side = len(canvas)
    is_eye = (regions == Region.EYES).astype(np.uint8)
    _, _, _, centers = cv2.connectedComponentsWithStats(is_eye)
    eyes = centers[1:][np.argsort(centers[1:, 0])]
    if len(eyes) != 2 or np.ptp(eyes[:, 0]) < 0.1 * side:
        return float32(canvas)
    apart = float(np.linalg.norm(eyes[1] - eyes[0]))
    angle = float(np.degrees(np.arctan2(*(eyes[1] - eyes[0])[::-1])))
    axes = _pixel(apart * np.array([rng.uniform(0.3, 0.46), rng.uniform(0.2, 0.42)]))
    thickness = int(rng.integers(1, 5))
    across = (eyes[1] - eyes[0]) / apart
    for eye, outwards in zip(eyes, (-1, 1), strict=True):
        cv2.ellipse(canvas, _pixel(eye), axes, angle, 0, 360, 255, thickness, cv2.LINE_AA)
        rim = eye + outwards * across * axes[0]
        temple = rim + outwards * across * side
        cv2.line(canvas, _pixel(rim), _pixel(temple), 255, thickness, cv2.LINE_AA)
    bridge = [eye + inwards * across * axes[0] for eye, inwards in zip(eyes, (1, -1), strict=True)]
    cv2.line(canvas, _pixel(bridge[0]), _pixel(bridge[1]), 255, thickness, cv2.LINE_AA)
    # Temples run over the face only; beyond it hair and background hide them.
    face = (regions != Region.BACKGROUND) & (regions != Region.HAIR) & (regions != Region.CLOTH)
    return float32(canvas) / 255 * face


def _pixel(point: Float32[np.ndarray, "2"]) -> tuple[int, int]:
    x, y = np.rint(point).astype(int).tolist()
    return x, y
