"""Pixels that are not square: faces are found, cut and pasted in square pixels."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip

from faceloom.array_types import float32
from faceloom.compare.compare import read_synchronized_frames
from faceloom.faces.alignment import CropGeometry, apply_affine
from faceloom.faces.face_crop import FaceCrop
from faceloom.faces.face_finder import FaceFinder
from faceloom.faceset.footage import FootageFile
from faceloom.progress import run_to_completion
from faceloom.swap import ConvertOptions, convert
from faceloom.video import Encoding, Frame, probe_video, read_frames
from faceloom.video.pixel_aspect import plausible_aspect, square_pixel_map, to_square_pixels

ASPECTS = {
    "anamorphic": (Fraction(4, 3), 0, False),
    "wide": (Fraction(16, 9), 0, False),
    "tall pixels": (Fraction(8, 9), 0, False),
    "turned": (Fraction(4, 3), 90, False),
    "mirrored": (Fraction(4, 3), 270, True),
}


@pytest.fixture(scope="module")
def square(sample: Path) -> np.ndarray:
    """A frame with a face, in square pixels."""
    return next(read_frames(sample / "target_ada.mp4")).rgb


def squeezed(picture: np.ndarray, aspect: Fraction) -> np.ndarray:
    """Return a picture of square pixels in pixels of an aspect, with even sides."""
    height, width = picture.shape[:2]
    size = (round(width / aspect / 2) * 2, height)
    if aspect < 1:
        size = (width, round(height * aspect / 2) * 2)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(2), Fraction(1), Fraction(10, 11)])
def test_the_map_is_where_the_picture_is_stretched_to(aspect: Fraction) -> None:
    picture = np.zeros((120, 90, 3), np.uint8)
    picture[30:36, 60:66] = 255
    rows, columns = np.nonzero(to_square_pixels(picture, aspect)[..., 0] > 127)
    center = float32([[62.5, 32.5]])
    mapped = apply_affine(square_pixel_map(120, 90, aspect), center)
    np.testing.assert_allclose(mapped, [[columns.mean(), rows.mean()]], atol=0.3)


@pytest.mark.parametrize(
    ("stated", "aspect"),
    [(None, 1), (Fraction(0), 1), (Fraction(1, 255), 1), (Fraction(64, 45), Fraction(64, 45))],
)
def test_an_impossible_aspect_is_ignored(stated: Fraction | None, aspect: Fraction) -> None:
    assert plausible_aspect(stated) == aspect


@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(16, 9), Fraction(8, 9)])
def test_a_crop_has_square_pixels(square: np.ndarray, aspect: Fraction) -> None:
    frame = Frame(0, 0, 1, Fraction(1, 25), squeezed(square, aspect), pixel_aspect=aspect)
    geometry = CropGeometry(size=128, coverage=1)
    face = FaceFinder().find([frame.square_rgb])[0][0]
    crop = FaceCrop.from_image(frame.rgb, face, geometry, frame.to_square)
    plain = FaceCrop.from_image(square, FaceFinder().find([square])[0][0], geometry)
    assert np.abs(crop.rgb.astype(int) - plain.rgb).mean() < 4
    assert np.abs(crop.mesh_xy - plain.mesh_xy).max() < 2.5


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that inverts the face."""
    return make_bundle(tmp_path_factory.mktemp("bundles") / "ben.bundle")


def swapped(clip: Path, bundle: Path) -> tuple[Path, np.ndarray]:
    """Convert a clip without loss; return the output and where its display differs."""
    out = clip.with_stem(f"{clip.stem}_swapped")
    options = ConvertOptions(encoding=Encoding("lossless"))
    run_to_completion(convert(clip, bundle, out, options))
    before, after = next(read_synchronized_frames([clip, out]))
    return out, np.abs(before.astype(int) - after).max(-1) > 40


@pytest.fixture(scope="module")
def changed(
    tmp_path_factory: pytest.TempPathFactory, square: np.ndarray, bundle: Path
) -> np.ndarray:
    """Where a conversion of the frame in square pixels changes it."""
    folder = tmp_path_factory.mktemp("square")
    clip = make_clip(folder / "in.mkv", [square] * 2, pixel_format="yuv444p")
    return swapped(clip, bundle)[1]


@pytest.mark.parametrize("name", ASPECTS)
def test_a_conversion_swaps_the_face_as_in_square_pixels(
    tmp_path: Path, square: np.ndarray, bundle: Path, changed: np.ndarray, name: str
) -> None:
    aspect, rotation, mirrored = ASPECTS[name]
    turned = np.rot90(square[:, ::-1] if mirrored else square, -rotation // 90)
    coded = np.ascontiguousarray(squeezed(turned, aspect))
    tags = {"rotation": rotation, "mirrored": mirrored, "sample_aspect_ratio": aspect}
    clip = make_clip(tmp_path / "in.mkv", [coded] * 2, pixel_format="yuv444p", **tags)
    out, here = swapped(clip, bundle)
    before, after = probe_video(clip), probe_video(out)
    for field in ("width", "height", "sample_aspect_ratio", "orientation"):
        assert getattr(before, field) == getattr(after, field)
    for a, b in zip(read_frames(clip), read_frames(out), strict=True):
        # The encoder is lossless: every pixel outside the pasted crop stays.
        assert 0.5 < (a.rgb == b.rgb).all(-1).mean() < 0.98
    rows, columns = (min(sides) for sides in zip(here.shape, changed.shape, strict=True))
    here, there = here[:rows, :columns], changed[:rows, :columns]
    assert (here & there).sum() / (here | there).sum() > 0.85


def test_footage_is_read_in_square_pixels(cases: Path) -> None:
    (frame, *_) = FootageFile.open(cases / "sar43.mp4").read(every=100)
    assert frame.rgb.shape == (480, 640, 3)
    (left, top, right, bottom) = FaceFinder().find([frame.rgb])[0][0].box_xyxy
    # Squeezed, the box of this face is 0.66 times as wide as high.
    assert 0.8 < (right - left) / (bottom - top) < 1.1
