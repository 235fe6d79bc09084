"""Footage: videos, pictures, and folders of them."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faceloom.array_types import Rgb
from faceloom.errors import UsageError
from faceloom.faceset.faceswap_metadata import (
    FaceOrigin,
    FaceswapMetadataError,
    read_faceswap_origin,
)
from faceloom.hashing import sha256_of_file
from faceloom.image_io import PICTURE_EXTENSIONS, natural_sort, read_picture
from faceloom.json_documents import utf8_text
from faceloom.video import probe_video, read_frames
from faceloom.video.display import frame_to_upright
from faceloom.video.source import VIDEO_EXTENSIONS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FootageFrame:
    """One frame of a footage file as a viewer shows it: upright, with square pixels."""

    frame: int
    """Index in the file; for a face that another tool cut out, the index in its video."""
    pts: int
    """Presentation time in the file's time base."""
    seconds: float
    """Presentation time in seconds."""
    rgb: Rgb
    """8-bit RGB."""


@dataclass(frozen=True, slots=True)
class FootageFile:
    """A file to extract from."""

    path: Path
    """The file."""
    kind: Literal["video", "picture"]
    """What it is."""
    frames: int | None
    """Number of frames; None if the container does not say."""
    origin: FaceOrigin | None = None
    """Where another tool cut this picture from, if it recorded that."""

    @classmethod
    def open(cls, path: Path) -> "FootageFile":
        """Probe a file.

        Args:
            path: The file.

        Raises:
            UsageError: The file does not exist.
            MediaUnreadable: The file is not a video.
        """
        if path.suffix.lower() in PICTURE_EXTENSIONS and path.is_file():
            return cls(path, "picture", 1, _origin(path))
        return cls(path, "video", probe_video(path).frame_count)

    @property
    def name(self) -> str:
        """Name of the video that another tool cut this picture from, or of this file."""
        return self.origin.name if self.origin else utf8_text(self.path.name)

    def sha256(self) -> str:
        """Compute the file's checksum."""
        return sha256_of_file(self.path)

    def read(self, every: int = 1, start: int = 0) -> Iterator[FootageFrame]:
        """Read the frames.

        Args:
            every: Use every K-th frame.
            start: Index of the first frame.

        Yields:
            Upright frames in order.

        Raises:
            MediaUnreadable: A frame cannot be read.
        """
        if self.kind == "picture":
            if start == 0:
                yield FootageFrame(
                    self.origin.frame if self.origin else 0, 0, 0.0, read_picture(self.path)
                )
            return
        info = probe_video(self.path)
        for frame in read_frames(self.path, start=start, every=every):
            square = frame_to_upright(frame, info).square_rgb
            yield FootageFrame(frame.index, frame.pts, frame.seconds, square)


def list_footage(inputs: Iterable[Path]) -> list[FootageFile]:
    """Find the footage files.

    Args:
        inputs: Files, folders (not their subfolders) and patterns.

    Returns:
        The files; those of a folder are in natural order.

    Raises:
        UsageError: There is no file.
        MediaUnreadable: A file is not a video.
    """
    files = [FootageFile.open(file) for path in inputs for file in _files_of(path)]
    if not files:
        raise UsageError("The inputs contain no video or picture; give files or folders with some.")
    return files


def _origin(path: Path) -> FaceOrigin | None:
    try:
        return read_faceswap_origin(path)
    except FaceswapMetadataError as error:
        log.warning(
            "%s: its faceswap metadata is damaged (%s); it is read as an ordinary picture.",
            path,
            error,
        )
        return None


def _files_of(path: Path) -> list[Path]:
    if not path.exists() and any(character in path.name for character in "*?["):
        # A pattern that the shell did not expand.
        return natural_sort(path.parent.glob(path.name))
    if not path.is_dir():
        return [path]
    return natural_sort(
        file
        for file in path.iterdir()
        if file.suffix.lower() in PICTURE_EXTENSIONS | VIDEO_EXTENSIONS
    )
