"""All eight orientations of EXIF and of display matrices, in and out."""

import shutil
from itertools import product
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from tests.helpers.clips import make_clip
from tests.helpers.fakes.swap import swap

from faceloom.image_io import read_picture
from faceloom.video import output_warnings, probe_source, probe_video, read_frames, read_source
from faceloom.video.encoding.encoders import DEFAULT_ENCODING
from faceloom.video.orientation import Orientation

ORIENTATIONS = [Orientation(*each) for each in product([0, 90, 180, 270], [False, True])]
# The coded picture of each EXIF orientation, by the picture that a viewer shows: the inverse of
# the table in EXIF 2.32, section 4.6.4, "Orientation".
EXIF_CODED = {
    1: lambda shown: shown,
    2: lambda shown: shown[:, ::-1],
    3: lambda shown: shown[::-1, ::-1],
    4: lambda shown: shown[::-1],
    5: lambda shown: shown.transpose(1, 0, 2),
    6: lambda shown: np.rot90(shown, 1),
    7: lambda shown: shown[::-1, ::-1].transpose(1, 0, 2),
    8: lambda shown: np.rot90(shown, -1),
}


def shown_picture() -> np.ndarray:
    """Return a picture, 96 wide and 64 high, whose four corners differ."""
    picture = np.full((64, 96, 3), 128, np.uint8)
    picture[:32, :48], picture[:32, 48:], picture[32:, :48] = (220, 30, 30), (30, 200, 30), 30
    return picture


def exif(orientation: int) -> bytes:
    """Return the APP1 segment of a JPEG with an orientation."""
    entry = b"\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation]) + b"\0\0"
    tiff = b"MM\0*\0\0\0\x08\0\x01" + entry + b"\0\0\0\0"
    return b"\xff\xe1" + (8 + len(tiff)).to_bytes(2, "big") + b"Exif\0\0" + tiff


@pytest.mark.parametrize("orientation", EXIF_CODED)
def test_photo_is_shown_as_exif_says(tmp_path: Path, orientation: int) -> None:
    coded = np.ascontiguousarray(EXIF_CODED[orientation](shown_picture()))
    jpeg = cv2.imencode(".jpg", coded[..., ::-1])[1].tobytes()
    path = tmp_path / "in.jpg"
    path.write_bytes(jpeg[:2] + exif(orientation) + jpeg[2:])
    info = probe_source(path)
    upright = info.orientation.to_upright(next(read_source(info)).rgb)
    assert info.display_size == (96, 64)
    for picture in (upright, read_picture(path)):
        assert np.median(np.abs(picture.astype(int) - shown_picture())) < 4
    out = cv2.imread(str(swap(path, tmp_path / "out.png")), cv2.IMREAD_COLOR_RGB)
    assert np.median(np.abs(out.astype(int) - shown_picture())) < 4


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_display_matrix_is_kept(tmp_path: Path, orientation: Orientation, suffix: str) -> None:
    coded = orientation.to_coded(shown_picture())
    source = make_clip(
        tmp_path / f"in{suffix}",
        [coded] * 2,
        rotation=orientation.rotation,
        mirrored=orientation.mirrored,
    )
    assert probe_video(source).orientation == orientation
    out = swap(source, tmp_path / f"out{suffix}")
    info = probe_video(out)
    assert (info.orientation, info.display_size) == (orientation, (96, 64))
    upright = orientation.to_upright(next(read_frames(out)).rgb)
    assert np.median(np.abs(upright.astype(int) - shown_picture())) < 4


def test_selfie_of_a_phone_stays_mirrored(tmp_path: Path, cases: Path) -> None:
    source = cases / "hflip.mp4"
    out = swap(Path(shutil.copy(source, tmp_path)), tmp_path / "out.mp4", frame_range=":2")
    assert probe_video(out).orientation == Orientation(0, mirrored=True)
    coded = next(read_frames(source)).rgb
    upright = probe_video(source).orientation.to_upright(coded)
    np.testing.assert_array_equal(upright, coded[:, ::-1])


@pytest.mark.parametrize("suffix", [".gif", ".png"])
def test_display_matrix_is_applied_where_the_format_has_none(tmp_path: Path, suffix: str) -> None:
    orientation = Orientation(90, mirrored=True)
    coded = orientation.to_coded(shown_picture())
    source = make_clip(tmp_path / "in.mp4", [coded], rotation=90, mirrored=True)
    out = swap(source, tmp_path / f"out{suffix}")
    with av.open(str(out)) as container:
        image = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.median(np.abs(image.astype(int) - shown_picture())) < 8
    warnings = output_warnings(out, probe_video(source), DEFAULT_ENCODING)
    assert any("upright, with square pixels, 96x64" in line for line in warnings)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 0, 1, 0, 0, 0, 1), Orientation()),
        ((-65536, 0, 0, 0, 65536, 0, 0, 0, 1), Orientation(0, mirrored=True)),
        ((65536, 0, 0, 0, -65536, 0, 0, 0, 1), Orientation(180, mirrored=True)),
        # A phone held upright: its video is shown a quarter turn clockwise.
        ((0, 65536, 0, -65536, 0, 0, 0, 0, 1), Orientation(270)),
        ((0, 0, 0, 0, 0, 0, 0, 0, 0), Orientation()),
    ],
)
def test_orientation_of_a_matrix(matrix: tuple[int, ...], expected: Orientation) -> None:
    assert Orientation.from_matrix(matrix) == expected


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_pictures_and_boxes_go_back_to_the_coded_orientation(orientation: Orientation) -> None:
    coded = np.zeros((20, 30, 3), np.uint8)
    upright = orientation.to_upright(coded).copy()
    upright[5:11, 2:9] = 255
    back = orientation.to_coded(upright)
    np.testing.assert_array_equal(orientation.to_upright(back), upright)
    left, top, right, bottom = orientation.box_to_coded((2, 5, 9, 11), 30, 20)
    assert back[top:bottom, left:right].min() == 255
    assert back.astype(int).sum() == 255 * 3 * 42
