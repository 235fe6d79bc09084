"""FFmpeg's errors become sentences in one place, and advise only what helps."""

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import av
import pytest

import faceloom.video
from faceloom.errors import MediaUnreadable, MemoryExhausted, PartlyDone, UsageError
from faceloom.video import probe
from faceloom.video.decoding.intact_frames import read_intact_frames
from faceloom.video.ffmpeg_errors import as_media_unreadable, as_write_error

Wording = Callable[[Path], AbstractContextManager[None]]
REFUSED = av.InvalidDataError(errno.EINVAL, "Invalid data found when processing input.", "x")
FULL = av.FFmpegError(errno.ENOSPC, "No space left on device", "x")
# FFmpeg's errors for a frame that does not fit, and for a thread whose stack does not.
NO_MEMORY = (
    av.error.MemoryError(errno.ENOMEM, "Cannot allocate memory", "x"),
    av.error.BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable", "x"),
)


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


@pytest.mark.parametrize("error", NO_MEMORY)
@pytest.mark.parametrize("wording", [as_media_unreadable, as_write_error])
def test_exhausted_memory_is_no_damage(wording: Wording, error: Exception) -> None:
    words = r"too little memory for a frame of clip.mp4; close other"
    with pytest.raises(MemoryExhausted, match=words), wording(Path("clip.mp4")):
        raise error


@pytest.mark.parametrize("error", NO_MEMORY)
def test_frames_without_memory_are_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, sample: Path, error: Exception
) -> None:
    def fail(path: Path) -> None:
        raise error

    damages: list[str] = []
    monkeypatch.setattr(probe, "open_input", fail)
    with pytest.raises(MemoryExhausted):
        next(read_intact_frames(sample / "target_ada.mp4", damages.append))
    assert not damages
