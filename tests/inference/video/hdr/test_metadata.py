"""Static HDR metadata is read, and written by every encoder that can."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.fakes.swap import swap

from faceloom.video import Encoding, SegmentWriter, output_warnings, probe_video, read_frames
from faceloom.video.hdr.metadata import HdrMetadata

CASES = Path(__file__).parents[3] / "data" / "cases"
# P3 with D65, 0.0001 to 1,000 cd/m2.
DISPLAY = tuple(
    Fraction(value) for value in "0.68 0.32 0.265 0.69 0.15 0.06 0.3127 0.329 0.0001 1000".split()
)


def test_metadata_of_the_case_is_read() -> None:
    assert probe_video(CASES / "pq.mp4").hdr_metadata == HdrMetadata(DISPLAY, (1000, 400))
    assert probe_video(CASES / "hlg.mov").hdr_metadata is None


@pytest.mark.parametrize("encoder", ["x264", "x265", "svtav1"])
def test_metadata_is_written(tmp_path: Path, encoder: str) -> None:
    source = CASES / "pq.mp4"
    info = probe_video(source)
    part = tmp_path / "segment.mp4"
    with SegmentWriter.open(part, info, Encoding(encoder)) as writer:
        for frame in read_frames(source, stop=2):
            writer.write(frame)
    written = probe_video(part).hdr_metadata
    assert written is not None
    assert written.content_light == (1000, 400)
    # AV1 stores fractions of 2**16.
    assert written.mastering_display == pytest.approx(DISPLAY, abs=2**-14)


def test_dynamic_metadata_is_said_to_be_left_out(tmp_path: Path) -> None:
    info = probe_video(make_clip(tmp_path / "in.mp4", wave_images(2)))
    dynamic = replace(info, hdr_metadata=HdrMetadata(dynamic=True))
    out = tmp_path / "out.mp4"
    assert not output_warnings(out, info, Encoding())
    (warning,) = output_warnings(out, dynamic, Encoding())
    assert "Dolby Vision" in warning


@pytest.mark.parametrize(
    ("name", "codec"), [("hlg.mov", "hevc"), ("pq.mp4", "hevc"), ("bw.mp4", "h264")]
)
@pytest.mark.long
def test_hdr_is_written_as_hevc_if_no_encoder_is_named(
    tmp_path: Path, name: str, codec: str
) -> None:
    source = tmp_path / name
    source.write_bytes((CASES / name).read_bytes())
    before, after = probe_video(source), probe_video(swap(source, tmp_path / f"out_{name}"))
    assert after.codec == codec
    assert after.color == before.color
    assert after.pixel_format == before.pixel_format
    with av.open(str(tmp_path / f"out_{name}")) as container:
        tag = container.streams.video[0].codec_context.codec_tag
    assert tag == {"hevc": "hvc1", "h264": "avc1"}[codec]
