"""The bytes of a file's streams are those of its packets."""

from pathlib import Path

import numpy as np
import pytest
from tests.helpers.clips import make_clip

from faceloom.video.streams.stream_sizes import stream_bytes_per_second, video_size


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of noise with a tone and a key frame at every tenth frame."""
    generator = np.random.default_rng(1)
    frames = [generator.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(100)]
    path = tmp_path_factory.mktemp("clips") / "noise.mkv"
    options = {"crf": "20", "g": "10", "sc_threshold": "0"}
    return make_clip(path, frames, audio_seconds=4, options=options)


def test_key_frames_are_counted_by_themselves(clip: Path) -> None:
    size = video_size(clip)
    assert (size.key_frames, size.other_frames) == (10, 90)
    assert size.key_bytes > 0
    assert size.key_bytes + size.other_bytes < clip.stat().st_size


@pytest.mark.parametrize("middle", [0.0, 2.0])
def test_the_sound_is_what_the_video_leaves_of_the_file(clip: Path, middle: float) -> None:
    size = video_size(clip)
    rest = clip.stat().st_size - size.key_bytes - size.other_bytes
    # The container itself has some bytes for each packet.
    assert 0.6 * rest < 4 * stream_bytes_per_second(clip, [1], middle) < 1.1 * rest
    assert stream_bytes_per_second(clip, [], middle) == 0
