"""HDR, wide-gamut, log and linear video is read as SDR of BT.709 and written back as it was."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.helpers.fakes.swap import frame_planes

from faceloom.video import ColorTags, Frame, read_frames
from faceloom.video.hdr.display_rendition import HLG, PQ, DisplayRendition
from faceloom.video.pixel_format import from_rgb, to_av_frame, to_rgb

CASES = Path(__file__).parents[3] / "data" / "cases"
# Color primaries and transfer characteristics of ITU-T H.273.
RENDERED = {
    "PQ": (9, PQ),
    "HLG": (9, HLG),
    "PQ without primaries": (2, PQ),
    "HLG with P3": (12, HLG),
    "SDR with BT.2020": (9, 14),
    "SDR with P3": (12, 13),
    "linear": (1, 8),
    "log": (1, 9),
}
BOX = (20, 20, 60, 60)


def _gray(signal: float) -> np.ndarray:
    return np.full((1, 1, 3), signal, np.float32)


@pytest.mark.parametrize(
    ("transfer", "signal", "sdr"),
    [
        # BT.2408, table 1: reference white, 203 cd/m2, is 58 % of PQ and 75 % of HLG.
        (PQ, 0.5807, 0.798),
        (HLG, 0.75, 0.798),
        # 1,000 cd/m2 are white (BT.2408: 75 % of PQ).
        (PQ, 0.7518, 1.0),
        (HLG, 1.0, 1.0),
        # 18 % gray of BT.2408 is 26 cd/m2: 38 % of PQ and of HLG.
        (PQ, 0.38, 0.339),
        (HLG, 0.38, 0.339),
        (PQ, 0.0, 0.0),
        (HLG, 0.0, 0.0),
        (8, 0.5, 0.5 ** (1 / 2.4)),
    ],
)
def test_levels_of_the_standards_become_sdr_levels(
    transfer: int, signal: float, sdr: float
) -> None:
    rendition = DisplayRendition.of(9, transfer)
    assert rendition is not None
    assert rendition.to_sdr(_gray(signal)) == pytest.approx(_gray(sdr), abs=0.01)


@pytest.mark.parametrize("tags", [(1, 1), (1, 13), (5, 6), (6, 6), (2, 2), (1, 4), (5, 11)])
def test_sdr_is_read_as_it_is(tags: tuple[int, int]) -> None:
    assert DisplayRendition.of(*tags) is None


@pytest.mark.parametrize("name", RENDERED)
def test_rendition_is_invertible_and_tables_are_exact(name: str) -> None:
    rendition = DisplayRendition.of(*RENDERED[name])
    assert rendition is not None
    # 4,000 cd/m2 are PQ 0.9.
    signal = np.random.default_rng(0).random((40, 50, 3), np.float32) * np.float32(0.9)
    sdr = rendition.to_sdr(signal)
    assert np.abs(rendition.to_signal(sdr) - signal).max() < 1e-3
    channels = (signal * 65280).astype(np.uint16)
    tables = rendition.to_sdr_8_bit(*np.moveaxis(channels, -1, 0), 65280)
    assert np.abs(tables - 255 * np.clip(sdr, 0, 1)).max() < 1.1


def test_red_of_bt_2020_is_outside_sdr_and_gray_stays_gray() -> None:
    rendition = DisplayRendition.of(9, 14)
    assert rendition is not None
    red, green, blue = rendition.to_sdr(np.float32([[[0.8, 0, 0]]]))[0, 0]
    assert red > 0.8
    assert max(green, blue) < 0
    assert rendition.to_sdr(_gray(0.5)) == pytest.approx(_gray(0.5), abs=1e-4)


def _first_frame(name: str) -> Frame:
    return next(read_frames(CASES / name))


def _tags(frame: Frame) -> ColorTags:
    decoded = frame.decoded
    assert decoded is not None
    return ColorTags(
        decoded.color_primaries, decoded.color_trc, decoded.colorspace, decoded.color_range
    )


def _written(frame: Frame, picture: np.ndarray) -> tuple[av.VideoFrame, list[np.ndarray]]:
    """Return the frame with another picture in BOX, and the planes it had before."""
    left, top, right, bottom = BOX
    rgb = frame.rgb.copy()
    rgb[top:bottom, left:right] = picture
    decoded = frame.decoded
    assert decoded is not None
    before = [plane.copy() for plane in frame_planes(decoded)]
    changed = Frame(0, 0, 0, Fraction(1, 25), rgb, decoded, (BOX,), decoded_rgb=frame.rgb)
    return to_av_frame(changed, decoded.format.name, _tags(frame)), before


@pytest.mark.parametrize("name", ["hlg.mov", "pq.mp4"])
def test_hdr_case_looks_like_sdr(name: str) -> None:
    """The median of the rendered face is that of light skin; taken for SDR it is gray."""
    frame = _first_frame(name)
    height, width = frame.rgb.shape[:2]
    middle = frame.rgb[height * 2 // 5 : height * 3 // 5, width * 2 // 5 : width * 3 // 5]
    red, _, blue = np.median(middle.reshape(-1, 3), axis=0)
    assert 120 < red < 240
    assert red - blue > 35


@pytest.mark.parametrize("name", ["hlg.mov", "pq.mp4", "bw.mp4"])
@pytest.mark.parametrize("color", [(200, 150, 120), (90, 60, 50)])
def test_changed_pixels_get_the_sdr_color_and_others_keep_their_bits(
    name: str, color: tuple[int, int, int]
) -> None:
    frame = _first_frame(name)
    left, top, right, bottom = BOX
    picture = frame.rgb[top:bottom, left:right].copy()
    picture[10:30, 10:30] = color
    after, before = _written(frame, picture)
    shown = to_rgb(after)[top + 14 : top + 26, left + 14 : left + 26]
    assert np.abs(shown.astype(int) - color).max() <= 3
    for plane, old in zip(frame_planes(after), before, strict=True):
        sample_bytes = plane.shape[1] * (2 if plane.shape[0] < frame.rgb.shape[0] else 1)
        scale = sample_bytes // frame.rgb.shape[1]
        half = 2 if plane.shape[0] < frame.rgb.shape[0] else 1
        outside = np.ones(plane.shape, bool)
        outside[
            (top + 10) // half : (top + 30) // half,
            (left + 10) * scale // half : (left + 30) * scale // half,
        ] = False
        assert np.array_equal(plane[outside], old[outside])
        assert not np.array_equal(plane, old)


@pytest.mark.parametrize("transfer", [1, PQ, HLG])
def test_a_gradient_of_ten_bits_has_no_bands_of_eight(transfer: int) -> None:
    """A darkened gradient keeps nearly all levels of the original."""
    tags = ColorTags(9, transfer, 9, 1)
    luma = np.linspace(300, 500, 40, dtype=np.float32)
    decoded = from_rgb(np.full((80, 80, 3), 128, np.uint8), "yuv420p10le", tags)
    decoded.colorspace, decoded.color_range = tags.matrix, tags.range
    decoded.color_primaries, decoded.color_trc = tags.primaries, tags.transfer
    plane = np.frombuffer(memoryview(decoded.planes[0]), np.uint16).reshape(80, -1)
    ramp = np.full((80, 80), 400, np.uint16)
    ramp[20:60, 20:60] = np.rint(luma + luma[:, None] / 40)
    decoded.planes[0].update(np.pad(ramp, ((0, 0), (0, plane.shape[1] - 80))).tobytes())
    frame = Frame(0, 0, 0, Fraction(1, 25), to_rgb(decoded), decoded)
    levels = len(np.unique(ramp[22:58, 22:58]))
    left, top, right, bottom = BOX
    darker = frame.rgb[top:bottom, left:right] - np.uint8(12)
    after, _ = _written(frame, darker)
    written = next(frame_planes(after)).copy().view(np.uint16)[22:58, 22:58]
    assert len(np.unique(written)) > 0.75 * levels
