"""The estimate of a conversion is held against the conversion."""

from pathlib import Path

import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip

from faceloom.errors import UsageError
from faceloom.progress import run_to_completion
from faceloom.swap import (
    ConvertEstimate,
    ConvertOptions,
    SwapRequest,
    convert_request,
    estimate_conversion,
)
from faceloom.swap.pipeline import estimate
from faceloom.swap.pipeline.estimate import _Part, _part_ranges, _video_bytes
from faceloom.video import Encoding, FrameRange, probe_video, read_frames

# The real size may be so many times smaller or larger than the ends of the estimate.
TOLERANCE = 1.25
# Frames of the conversion, sampled frames, and sampled frames with a swapped face.
ALL = (900, 72, 72)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "ben.bundle")


@pytest.mark.parametrize(
    ("name", "options", "frames"),
    [
        ("out.mp4", ConvertOptions(), 75),
        (
            "out.mkv",
            ConvertOptions(
                encoding=Encoding("x264", 30), frame_range=FrameRange(10, 40), select="track:3"
            ),
            30,
        ),
    ],
)
@pytest.mark.long
def test_the_real_size_is_near_the_estimate(
    tmp_path: Path, sample: Path, bundle: Path, name: str, options: ConvertOptions, frames: int
) -> None:
    target, request, out = sample / "target_ada.mp4", SwapRequest(bundle), tmp_path / name
    found = run_to_completion(estimate_conversion(target, request, out, options))
    assert list(tmp_path.iterdir()) == []
    assert found.frames == frames
    assert found.sampled_frames == found.swapped_frames == min(frames // 24, 3) * 24
    assert 0 < found.seconds[0] < found.seconds[1]
    if options.select is None:
        run_to_completion(convert_request(target, request, out, options))
        low, high = found.bytes
        assert low / TOLERANCE < out.stat().st_size < high * TOLERANCE


@pytest.mark.parametrize(("frames", "size"), [(1, 1000), (250, 3490), (251, 4490)])
def test_each_segment_has_one_key_frame(frames: int, size: int) -> None:
    part = _Part(24, 24, 0.1, bytes_per_key_frame=1000.0, bytes_per_frame=10.0)
    assert _video_bytes(part, frames, 250) == size


def test_the_sound_of_the_range_is_added_to_the_size(
    tmp_path: Path, sample: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [frame.rgb for frame in read_frames(sample / "target_ada.mp4", stop=6)]
    clip = make_clip(tmp_path / "clip.mp4", pictures, audio_seconds=0.5)

    def bytes_per_second(_: Path, indices: list[int], middle: float) -> float:
        return 1e9 * (indices == [1] and middle < 0.5)

    monkeypatch.setattr(estimate, "stream_bytes_per_second", bytes_per_second)
    options, out = ConvertOptions(frame_range=FrameRange(0, 5)), tmp_path / "out.mp4"
    found = run_to_completion(estimate_conversion(clip, SwapRequest(bundle), out, options))
    seconds = 4 / float(probe_video(clip).average_rate)
    assert 1e9 * seconds < found.bytes[0] < found.bytes[1] < 1.01e9 * seconds


def test_an_output_that_exists_is_refused_as_by_the_conversion(
    tmp_path: Path, sample: Path, bundle: Path
) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"")
    work = estimate_conversion(
        sample / "target_ada.mp4", SwapRequest(bundle), out, ConvertOptions()
    )
    with pytest.raises(UsageError, match="exists"):
        run_to_completion(work)


@pytest.mark.parametrize(
    ("frames", "starts", "length"),
    [
        (1, [0], 1),
        (24, [0], 24),
        (47, [11], 24),
        (48, [0, 24], 24),
        (75, [0, 25, 50], 24),
        (9000, [1488, 4488, 7488], 24),
    ],
)
def test_the_parts_are_spread_over_the_target(frames: int, starts: list[int], length: int) -> None:
    parts = _part_ranges(frames)
    assert [part.start for part in parts] == starts
    assert {len(part) for part in parts} == {length}
    assert parts[-1].stop <= frames


@pytest.mark.parametrize(
    ("seconds", "size", "counts", "text"),
    [
        ((240, 360), (121e6, 158e6), ALL, "About 4 to 6 minutes and 120 to 160 MB for 900 frames"),
        ((20.2, 20.4), (2e9, 3.26e9), ALL, "About 20 seconds and 2 to 3.3 GB"),
        ((5000, 9000), (3e4, 5e4), ALL, "About 1.4 to 2.5 hours and 30 to 50 KB"),
        ((60, 80), (1e6, 2e6), (900, 72, 0), "clip.mp4, none of which has a face to swap."),
        ((1, 2), (1e3, 2e3), (1, 1, 1), "for 1 frame; measured on 1 frame of clip.mp4."),
        ((1, 2), (1e3, 2e3), (1, 1, 0), "on 1 frame of clip.mp4, which has no face to swap."),
    ],
)
def test_an_estimate_is_a_sentence(
    seconds: tuple[float, float],
    size: tuple[float, float],
    counts: tuple[int, int, int],
    text: str,
) -> None:
    low, high = map(int, size)
    seconds = float(seconds[0]), float(seconds[1])
    row = ConvertEstimate(Path("/clips/clip.mp4"), *counts, seconds, (low, high))
    assert text in row.to_text()
