"""Read any source: a video, a GIF, a folder of images, one image or standard input."""

import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from faceloom.artifact_kind import Purpose, check_kind
from faceloom.choices import Decoder, OnDamaged
from faceloom.image_io import PICTURE_EXTENSIONS
from faceloom.video.image_sequence import DEFAULT_RATE, probe_images, read_images
from faceloom.video.info import Frame, VideoInfo
from faceloom.video.output import STDIO_PATH
from faceloom.video.probe import probe_video
from faceloom.video.read import read_frames

log = logging.getLogger(__name__)

# Files of a folder that are taken as videos; others are ignored.
VIDEO_EXTENSIONS = frozenset(
    ".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .ts .mts .wmv .flv .gif .3gp".split()
)


def probe_source(path: Path, rate: Fraction = DEFAULT_RATE) -> VideoInfo:
    """Read the properties of a video, an image or a folder of images.

    Args:
        path: The file or folder.
        rate: Frames per second of an image sequence.

    Raises:
        UsageError: If there is no such file, or no image in the folder.
        MediaUnreadable: If it cannot be decoded.
    """
    check_kind(path, Purpose.TARGET)
    if path.is_dir() or (path.is_file() and path.suffix.lower() in PICTURE_EXTENSIONS):
        return probe_images(path, rate)
    return probe_video(path)


def read_source(
    info: VideoInfo,
    *,
    start: int = 0,
    stop: int | None = None,
    every: int = 1,
    start_pts: int | None = None,
    on_damaged: OnDamaged = "stop",
    decoder: Decoder = "software",
) -> Iterator[Frame]:
    """Yield the frames of a probed source; see `read_frames`.

    Args:
        info: The source.
        start: Index of the first frame.
        stop: Index after the last frame; None: to the end.
        every: Yield only frames whose index is a multiple of this.
        start_pts: PTS of frame `start`, to seek there; None: decode from the beginning.
        on_damaged: What to do with a damaged frame of a video.
        decoder: What decodes a video.

    Raises:
        UsageError: If the file does not exist.
        MediaUnreadable: If a frame cannot be decoded.
    """
    if info.kind == "image_sequence":
        return read_images(info, start=start, stop=stop, every=every)
    if info.repeated_times or not info.states_pts:
        start_pts = None
    return read_frames(
        info.path,
        start=start,
        stop=stop,
        every=every,
        start_pts=start_pts,
        on_damaged=on_damaged,
        decoder=decoder,
    )


@contextmanager
def stdin_as_file(target: Path) -> Iterator[Path]:
    """Yield a path to read from; "-" becomes a temporary file with all of standard input.

    Args:
        target: The path that the user gave.
    """
    if target != STDIO_PATH:
        yield target
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "standard-input"
        with file.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        log.warning(
            "Standard input (%.1f MB) was written to a temporary file first.",
            file.stat().st_size / 1e6,
        )
        yield file
