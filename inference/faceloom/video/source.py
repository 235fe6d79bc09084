"""Whatever a face can be exchanged in: a video, a GIF, a folder of pictures, one picture, standard input."""

import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from faceloom.image_io import PICTURES
from faceloom.video.image_sequence import RATE, probe_pictures, read_pictures
from faceloom.video.info import Frame, VideoInfo
from faceloom.video.output import STANDARD
from faceloom.video.probe import probe_video
from faceloom.video.read import read_frames

log = logging.getLogger(__name__)

# What a folder is searched for; other files in it are passed over.
VIDEOS = frozenset(".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .ts .mts .wmv .flv .gif .3gp".split())


def probe_source(path: Path, rate: Fraction = RATE) -> VideoInfo:
    """Say what a source is; pictures become a video of `rate` frames a second.

    Raises UsageError or MediaUnreadable, as `probe_video`.
    """
    if path.is_dir() or (path.is_file() and path.suffix.lower() in PICTURES):
        return probe_pictures(path, rate)
    return probe_video(path)


def read_source(
    info: VideoInfo,
    *,
    start: int = 0,
    stop: int | None = None,
    every: int = 1,
    start_pts: int | None = None,
) -> Iterator[Frame]:
    """Yield the frames of a probed source; see `read_frames`."""
    if info.kind == "pictures":
        return read_pictures(info, start=start, stop=stop, every=every)
    return read_frames(info.path, start=start, stop=stop, every=every, start_pts=start_pts)


@contextmanager
def spooled(target: Path) -> Iterator[Path]:
    """Yield `target` or, if it is `-`, a temporary file that holds all of standard input."""
    if target != STANDARD:
        yield target
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "standard-input"
        with file.open("wb") as spool:
            shutil.copyfileobj(sys.stdin.buffer, spool)
        log.warning(
            "Standard input (%.1f MB) was written to a temporary file first.",
            file.stat().st_size / 1e6,
        )
        yield file
