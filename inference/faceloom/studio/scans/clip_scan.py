"""The faces and the cuts of a clip, as far as they are known, and the file that keeps them."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from faceloom import __version__
from faceloom.atomic import write_text
from faceloom.errors import ArtifactRefused
from faceloom.json_documents import StrictModel, read_document, to_json

SCHEMA: Literal[1] = 1

_Index = Annotated[int, Field(ge=0)]


class ClipScan(StrictModel):
    """What is known of a clip's frames."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    """Version of the format."""
    faceloom_version: str = __version__
    """Version of Faceloom that scanned the clip."""
    signature: str
    """Signature of the clip's file, see `file_signature`; a scan of another file is ignored."""
    frames: _Index
    """Number of frames of the clip."""
    cuts: tuple[_Index, ...] = ()
    """The first frame of each shot but the first one."""
    done: _Index = 0
    """Frames that were scanned, from the first one on."""
    runs: tuple[tuple[_Index, _Index], ...] = ()
    """First frame and number of faces of each run of frames with the same number of faces."""

    @model_validator(mode="after")
    def _check_frames(self) -> "ClipScan":
        starts = [start for start, _ in self.runs]
        is_ordered = all(start < following for start, following in pairwise(starts))
        begins = starts[:1] == [0] if self.done else not starts
        last = max((*starts, *self.cuts), default=-1)
        if not (is_ordered and begins and last < self.done <= self.frames):
            raise ValueError("its frames contradict each other")
        return self

    @property
    def is_complete(self) -> bool:
        """Whether every frame was scanned."""
        return self.done == self.frames


def read_scan(path: Path, signature: str) -> ClipScan | None:
    """Read the scan of a clip.

    Args:
        path: The file, which may not exist.
        signature: The signature of the clip's file.

    Returns:
        The scan; None if there is none, if it is of another file, if another version of Faceloom
        wrote it, which may find other faces, or if it is damaged.
    """
    if not path.is_file():
        return None
    try:
        scan = read_document(path, ClipScan, SCHEMA, "scan of a video")
    except ArtifactRefused:
        return None
    return scan if (scan.signature, scan.faceloom_version) == (signature, __version__) else None


def write_scan(path: Path, scan: ClipScan) -> None:
    """Write the scan of a clip.

    Args:
        path: The file.
        scan: The scan.

    Raises:
        UsageError: The file cannot be written.
        PartlyDone: The disk is full.
    """
    write_text(path, to_json(scan))
