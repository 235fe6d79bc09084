"""Each measurement of a crop means what its name says, at any size of the face."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloom.array_types import Rgb, float32
from faceloom.faces.alignment import CropGeometry, crop_face
from faceloom.faces.face_crop import FaceCrop, align_mesh
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.landmarks import EYE_LEFT, EYE_RIGHT, INNER_LIPS
from faceloom.faces.quality import (
    background_color,
    clipped_fraction,
    crop_quality,
    eyes_open,
    mouth_open,
    perceptual_hash,
)
from faceloom.video import read_frames

GEOMETRY = CropGeometry(size=512, coverage=1.5)


@pytest.fixture(scope="module")
def shot(sample: Path) -> tuple[Rgb, Face]:
    frame = next(iter(read_frames(sample / "train_ben.mp4"))).rgb
    return frame, FaceFinder().find([frame])[0][0]


def crop_of(shot: tuple[Rgb, Face], scale: float = 1.0, blur: float = 0.0) -> FaceCrop:
    """Cut the face from the frame scaled by `scale` and blurred by `blur` pixels."""
    frame, face = shot
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=interpolation)
    if blur:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    mesh = float32((face.landmarks.points_xy + 0.5) * scale - 0.5)
    to_crop = GEOMETRY.frame_to_crop(float32((face.points_xy + 0.5) * scale - 0.5))
    return FaceCrop(
        to_crop, to_crop, crop_face(picture, to_crop, 512), *align_mesh(mesh, to_crop, 512)
    )


@pytest.mark.parametrize("scale", [0.35, 0.5, 2.0])
def test_sharpness_does_not_depend_on_size(shot: tuple[Rgb, Face], scale: float) -> None:
    original, scaled = crop_quality(crop_of(shot)), crop_quality(crop_of(shot, scale))
    assert scaled.sharpness == pytest.approx(original.sharpness, rel=0.25)


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_blur_lowers_sharpness(shot: tuple[Rgb, Face], scale: float) -> None:
    sharp, blurred = (crop_quality(crop_of(shot, scale, blur)).sharpness for blur in (0, 4 * scale))
    assert blurred < 0.5 * sharp


def test_dimming_lowers_exposure_and_not_sharpness(shot: tuple[Rgb, Face]) -> None:
    crop = crop_of(shot)
    bright, dim = crop_quality(crop), crop_quality(replace(crop, rgb=crop.rgb // 2))
    assert dim.sharpness == pytest.approx(bright.sharpness, rel=0.1)
    assert dim.exposure == pytest.approx(bright.exposure / 2, rel=0.05)


def test_an_empty_mask_gives_zero_for_the_face(shot: tuple[Rgb, Face]) -> None:
    crop = crop_of(shot)
    quality = crop_quality(replace(crop, mask=np.zeros_like(crop.mask)))
    assert (quality.sharpness, quality.exposure, quality.clipped) == (0, 0, 0)
    assert quality.background == 1


def test_clipping_counts_burnt_and_black_pixels() -> None:
    crop = np.full((4, 4, 3), 128, np.uint8)
    crop[0], crop[1, :2], crop[2] = (255, 253, 180), (0, 1, 2), (255, 200, 180)
    assert clipped_fraction(crop, np.ones((4, 4), bool)) == pytest.approx(6 / 16)
    assert clipped_fraction(crop, np.zeros((4, 4), bool)) == 0


def test_opening_is_relative_to_the_wider_eye() -> None:
    mesh = np.zeros((468, 2), np.float32)
    for ring, left, width in ((EYE_LEFT, 0, 10), (EYE_RIGHT, 40, 30)):
        mesh[list(ring)] = [left, 0]
        mesh[ring[8]] = [left + width, 0]
        for upper, lower in ((3, 13), (4, 12), (5, 11)):
            mesh[ring[upper]], mesh[ring[lower]] = (left, -3), (left, 6)
    mesh[INNER_LIPS[5]], mesh[INNER_LIPS[15]] = (20, 50), (20, 65)
    assert eyes_open(mesh) == pytest.approx(9 / 30)
    assert mouth_open(mesh) == pytest.approx(15 / 30)


def test_an_open_mouth_is_more_open_than_a_shut_one(sample: Path) -> None:
    """The truth's widest and narrowest inner lips (68-point indices 62 and 66) are told apart."""
    truth = np.load(sample / "train_ada.npz")["lm68"][:, 0]
    gap = np.linalg.norm(truth[:, 62] - truth[:, 66], axis=1) / np.linalg.norm(
        truth[:, 36] - truth[:, 45], axis=1
    )
    selected = {int(gap.argmax()), int(gap.argmin())}
    frames = {f.index: f.rgb for f in read_frames(sample / "train_ada.mp4") if f.index in selected}
    opened, shut = (
        FaceFinder().find([frames[int(n)]])[0][0].landmarks for n in (gap.argmax(), gap.argmin())
    )
    assert mouth_open(opened.points_xy) > mouth_open(shut.points_xy) + 0.2


@pytest.mark.parametrize(
    ("rgb", "noise", "uniform"), [((30, 60, 200), 3, True), ((128, 128, 128), 90, False)]
)
def test_a_wall_is_uniform_and_a_crowd_is_not(
    rgb: tuple[int, int, int], noise: int, uniform: bool
) -> None:
    cells = np.random.default_rng(0).integers(-noise, noise + 1, (64, 64, 3)) + rgb
    crop = cv2.resize(
        np.clip(cells, 0, 255).astype(np.uint8), (256, 256), interpolation=cv2.INTER_NEAREST
    )
    mask = np.zeros((256, 256), np.uint8)
    mask[64:192, 64:192] = 255
    crop[64:192, 64:192] = (200, 150, 120)
    share, color = background_color(crop, mask)
    assert (share > 0.95) if uniform else (share < 0.2)
    if uniform:
        np.testing.assert_allclose(color, rgb, atol=3)


def test_a_wall_lit_from_one_side_is_uniform() -> None:
    wall = (
        np.linspace(0.5, 1, 256)[None, :, None]
        * np.array([40.0, 150.0, 200.0])
        * np.ones((256, 1, 1))
    )
    assert background_color(wall.astype(np.uint8), np.zeros((256, 256), np.uint8))[0] > 0.9


def test_no_background_has_no_color() -> None:
    assert background_color(
        np.full((64, 64, 3), 9, np.uint8), np.full((64, 64), 255, np.uint8)
    ) == (0, (0, 0, 0))


def test_the_hash_stays_for_the_same_picture_and_changes_for_another(
    shot: tuple[Rgb, Face],
) -> None:
    crop = crop_of(shot).rgb
    original = int(perceptual_hash(crop), 16)
    brighter = int(perceptual_hash(np.clip(crop * 1.1 + 5, 0, 255).astype(np.uint8)), 16)
    mirrored = int(perceptual_hash(np.ascontiguousarray(crop[:, ::-1])), 16)
    assert (original ^ brighter).bit_count() <= 2
    assert (original ^ mirrored).bit_count() > 10
