"""What can be extracted from: videos, pictures, folders of either."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faceloom.array_types import Rgb
from faceloom.errors import UsageError
from faceloom.faceset.faceswap_metadata import FaceswapMetadataError, Origin, read_faceswap_origin
from faceloom.hashing import sha256_of_file
from faceloom.image_io import PICTURE_EXTENSIONS, natural_sort, read_picture
from faceloom.video import probe_video, read_frames
from faceloom.video.rotation import to_upright
from faceloom.video.source import VIDEO_EXTENSIONS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FootageFrame:
    """An upright picture of a source and where it lies there.

    A face that another tool cut from a video carries the number of that video's frame.
    """

    frame: int
    pts: int
    seconds: float
    rgb: Rgb


@dataclass(frozen=True, slots=True)
class FootageFile:
    """A file to extract from; `frames` is what it will deliver, None if unknown.

    `origin` says what another tool cut this picture from, where it noted that.
    """

    path: Path
    kind: Literal["video", "picture"]
    frames: int | None
    origin: Origin | None = None

    @classmethod
    def open(cls, path: Path) -> "FootageFile":
        """Probe a file; raise UsageError or MediaUnreadable if nothing can be read from it."""
        if path.suffix.lower() in PICTURE_EXTENSIONS and path.is_file():
            return cls(path, "picture", 1, _origin(path))
        return cls(path, "video", probe_video(path).frame_count)

    @property
    def name(self) -> str:
        """What the faces came from: the footage that another tool cut them from, else this file."""
        return self.origin.name if self.origin else self.path.name

    def sha256(self) -> str:
        """Return the file's checksum."""
        return sha256_of_file(self.path)

    def read(self, every: int = 1, start: int = 0) -> Iterator[FootageFrame]:
        """Yield every `every`-th picture from number `start` on, upright."""
        if self.kind == "picture":
            if start == 0:
                yield FootageFrame(
                    self.origin.frame if self.origin else 0, 0, 0.0, read_picture(self.path)
                )
            return
        rotation = probe_video(self.path).rotation
        for frame in read_frames(self.path, start=start, every=every):
            yield FootageFrame(
                frame.index, frame.pts, frame.seconds, to_upright(frame.rgb, rotation)
            )


def list_footage(inputs: Iterable[Path]) -> list[FootageFile]:
    """Return every video and picture among `inputs`, folders opened (not their subfolders), in a fixed order."""
    sources = [FootageFile.open(file) for path in inputs for file in _files_of(path)]
    if not sources:
        raise UsageError(
            "No video or picture among the inputs; give files or folders that hold some."
        )
    return sources


def _origin(path: Path) -> Origin | None:
    try:
        return read_faceswap_origin(path)
    except FaceswapMetadataError as error:
        log.warning(
            "%s: what faceswap noted in it is damaged (%s); it is read as a plain picture.",
            path,
            error,
        )
        return None


def _files_of(path: Path) -> list[Path]:
    if not path.exists() and any(sign in path.name for sign in "*?["):
        # A pattern that the shell passed on as it was.
        return natural_sort(path.parent.glob(path.name))
    if not path.is_dir():
        return [path]
    return natural_sort(
        file
        for file in path.iterdir()
        if file.suffix.lower() in PICTURE_EXTENSIONS | VIDEO_EXTENSIONS
    )
