"""FFmpeg's errors become sentences in one place, and advise only what helps."""

import errno
from pathlib import Path

import av
import pytest

import faceloom.video
from faceloom.errors import MediaUnreadable, PartlyDone, UsageError
from faceloom.video.ffmpeg_errors import as_media_unreadable, as_write_error

REFUSED = av.InvalidDataError(errno.EINVAL, "Invalid data found when processing input.", "x")
FULL = av.FFmpegError(errno.ENOSPC, "No space left on device", "x")


@pytest.mark.parametrize(
    ("name", "error", "expected", "words"),
    [
        ("out.mp4", REFUSED, UsageError, "(invalid data found when processing input); choose a na"),
        ("out.mp4", REFUSED, UsageError, "name that ends in .mkv."),
        ("out.mkv", REFUSED, UsageError, "name that ends in .mp4."),
        ("out.MKV", ValueError("Codec not supported."), UsageError, "(codec not supported); choos"),
        ("out.mp4", FULL, PartlyDone, "full"),
    ],
)
def test_an_error_of_writing_names_another_way(
    name: str, error: Exception, expected: type[Exception], words: str
) -> None:
    with pytest.raises(expected) as raised, as_write_error(Path(name)):
        raise error
    assert words in str(raised.value)
    assert "--streams" not in str(raised.value)


def test_an_error_of_reading_names_the_file() -> None:
    words = r"clip.mp4 cannot be read \([a-z ]+\); check that"
    with pytest.raises(MediaUnreadable, match=words), as_media_unreadable(Path("clip.mp4")):
        raise REFUSED


def test_no_other_module_words_an_error_of_ffmpeg() -> None:
    modules = list(Path(faceloom.video.__file__).parent.rglob("*.py"))
    wording = {path.name for path in modules if "strerror" in path.read_text()}
    assert wording == {"ffmpeg_errors.py"}
