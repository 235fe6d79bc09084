"""Random training samples: a crowd picture, cut out, recolored, covered, relit and filmed anew."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import Affine, float32
from faceloom.faces.alignment import CENTERED_TEMPLATE, CropGeometry
from faceloom.faces.parsing.regions import PARSING_SIDE, Region
from faceloom_train.crowd import CrowdPicture, Regions
from faceloom_train.face_parsing.camera import film, regrade, relight
from faceloom_train.face_parsing.overlays import add_overlays
from faceloom_train.face_parsing.textures import random_texture

Image = Float32[np.ndarray, "_ _ 3"]

# Coverage of the crops: from tighter than a training crop to looser than a face set's.
_COVERAGE = (0.8, 1.6)
# Rotation in degrees, shift as a fraction of the side, and stretch: standard deviations.
_ROTATION_DEGREES = 12
_SHIFT = 0.04
_STRETCH = 0.05
# Shares of the samples whose background, hair, skin or cloth is changed.
_NEW_BACKGROUND = 0.6
_NEW_COLOR = 0.5
# Coverage of the crops that validation uses.
VALIDATION_COVERAGE = 1.0
# Label outside of a picture: training samples have a background there, validation ignores it.
OUTSIDE = 255


def random_sample(
    rng: np.random.Generator, pictures: Sequence[CrowdPicture]
) -> tuple[Image, Regions]:
    """Return an augmented crop and the region of each of its pixels.

    Args:
        rng: Source of randomness.
        pictures: The people to train on.

    Returns:
        RGB, 0 to 1, [128, 128, 3], and `Region` values, [128, 128].
    """
    picture = pictures[int(rng.integers(len(pictures)))]
    others = [pictures[int(rng.integers(len(pictures)))] for _ in range(2)]
    textures = [float32(other.rgb) / 255 for other in others]
    image, regions = cut_crop(picture, _random_crop(rng, picture), mirror=rng.random() < 0.5)
    outside = regions == OUTSIDE
    regions[outside] = Region.BACKGROUND
    replaced = regions == Region.BACKGROUND if rng.random() < _NEW_BACKGROUND else outside
    image = _fill(image, replaced, random_texture(rng, PARSING_SIDE, textures))
    for region in (Region.HAIR, Region.SKIN, Region.CLOTH):
        if rng.random() < _NEW_COLOR:
            image = _recolor(rng, image, regions, region)
    image, regions = add_overlays(rng, image, regions, others)
    return film(rng, regrade(rng, relight(rng, image))), regions


def validation_sample(picture: CrowdPicture) -> tuple[Image, Regions]:
    """Return the crop of a picture as it is, with its regions.

    Args:
        picture: A held-out picture.

    Returns:
        RGB, 0 to 1, [128, 128, 3], and `Region` values, [128, 128], OUTSIDE outside of the picture.
    """
    return cut_crop(picture, _crop(picture, VALIDATION_COVERAGE), mirror=False)


def _crop(picture: CrowdPicture, coverage: float) -> Affine:
    geometry = CropGeometry(size=PARSING_SIDE, coverage=coverage, template=CENTERED_TEMPLATE)
    return geometry.frame_to_crop(picture.points_xy)


def _random_crop(rng: np.random.Generator, picture: CrowdPicture) -> Affine:
    affine = _crop(picture, rng.uniform(*_COVERAGE))
    middle = (PARSING_SIDE - 1) / 2
    angle = rng.normal(0, _ROTATION_DEGREES)
    turn = np.array(cv2.getRotationMatrix2D((middle, middle), angle, 1), np.float64)
    turn[:, :2] *= np.exp(rng.normal(0, _STRETCH, (2, 1)))
    turn[:, 2] += PARSING_SIDE * rng.normal(0, _SHIFT, 2)
    return float32((np.vstack([turn, [0, 0, 1]]) @ np.vstack([affine, [0, 0, 1]]))[:2])


def cut_crop(picture: CrowdPicture, to_crop: Affine, *, mirror: bool) -> tuple[Image, Regions]:
    """Cut a crop and its regions out of a picture.

    Args:
        picture: The picture.
        to_crop: Map from its pixels to the crop's.
        mirror: Whether left and right are exchanged.

    Returns:
        RGB, 0 to 1, and `Region` values, OUTSIDE outside of the picture.
    """
    size = (PARSING_SIDE, PARSING_SIDE)
    rgb = cv2.warpAffine(
        picture.rgb, to_crop, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    regions = cv2.warpAffine(
        picture.regions, to_crop, size, flags=cv2.INTER_NEAREST, borderValue=OUTSIDE
    )
    if mirror:
        rgb, regions = rgb[:, ::-1], regions[:, ::-1]
    return float32(rgb) / 255, np.array(regions, np.uint8)


def _fill(image: Image, where: Bool[np.ndarray, "_ _"], texture: Image) -> Image:
    weight = cv2.GaussianBlur(float32(where), (3, 3), 0)[..., None]
    return image + weight * (texture - image)


def _recolor(rng: np.random.Generator, image: Image, regions: Regions, region: Region) -> Image:
    """Give a region another color; brows take the hair's and lips the skin's."""
    with_it = {Region.HAIR: Region.BROWS, Region.SKIN: Region.LIPS}.get(region, region)
    where = (regions == region) | (regions == with_it)
    if region is Region.SKIN:
        gain = np.exp(rng.normal(0, 0.35)) * np.exp(rng.normal(0, 0.12, 3))
        return _fill(image, where, np.clip(image * float32(gain), 0, 1))
    luma = image.mean(-1, keepdims=True)
    base = rng.uniform(0, 1, 3) if region is Region.CLOTH else _hair_color(rng)
    contrast = rng.uniform(0.5, 2)
    mean = float(luma[where].mean()) if where.any() else 0.5
    return _fill(image, where, np.clip(float32(base) + contrast * (luma - mean), 0, 1))


def _hair_color(rng: np.random.Generator) -> Float32[np.ndarray, "3"]:
    """Return black, brown, red, blond, gray or, seldom, any color."""
    if rng.random() < 0.15:
        return float32(rng.uniform(0, 1, 3))
    warmth = rng.uniform(0, 1)
    return float32(rng.uniform(0.02, 0.8) * np.array([1, 1 - 0.35 * warmth, 1 - 0.65 * warmth]))
