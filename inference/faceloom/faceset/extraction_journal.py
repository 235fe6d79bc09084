"""The faces found in one footage file so far, from which an interrupted extraction resumes.

    state.json        number of valid rows, the next frame, whether the file is finished
    rows.jsonl        one line per face, without its embedding
    embeddings.f32    192 float32 per face
    crops/            the faces

Rows, embeddings and crops are written and flushed before the state counts them; what lies beyond
the count is dropped.
"""

import logging
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32
from pydantic import ValidationError

from faceloom.array_types import Rgb, float32
from faceloom.atomic import explain_os_errors, write_text
from faceloom.errors import ArtifactRefused
from faceloom.faces.face_recognition import EMBEDDING_SIZE
from faceloom.faceset.schema import Count, FaceRecord
from faceloom.faceset.store import JPEG_OPTIONS, MAX_ROW_BYTES
from faceloom.image_io import encode_picture
from faceloom.json_documents import StrictModel, to_json
from faceloom.operating_system import flush_to_disk
from faceloom.safe_read import MAX_DOCUMENT_BYTES, check_no_symlinks, read_bounded, read_lines

log = logging.getLogger(__name__)

# Bytes of an embedding in `embeddings.f32`.
_EMBEDDING_BYTES = 4 * EMBEDDING_SIZE


def journals_folder(out: Path) -> Path:
    """Return the folder of the journals of an extraction, which it removes at its end.

    Args:
        out: The face set that it makes.
    """
    return out.with_name(out.name + ".work")


def remove_journals(out: Path) -> None:
    """Remove the journals of a complete extraction; a failure is only a warning.

    Args:
        out: The face set.
    """
    work = journals_folder(out)
    shutil.rmtree(work, ignore_errors=True)
    if work.exists():
        log.warning("%s cannot be removed; nothing reads it again, so remove it by hand.", work)


class FoundFace(NamedTuple):
    """A face that extraction found."""

    record: FaceRecord
    """Its measurements."""
    jpeg: bytes
    """Content of its crop's file."""
    embedding: Float32[np.ndarray, "192"]
    """Its embedding."""


class JournalState(StrictModel):
    """`state.json`."""

    rows: Count = 0
    """Valid rows."""
    frames: Count = 0
    """Frames that were searched."""
    next_frame: Count = 0
    """Index of the frame to resume at."""
    done: bool = False
    """Whether the footage file is finished."""
    damage: str = ""
    """What of the footage file could not be read; "" if all was read."""


class Journal:
    """The journal of one footage file."""

    def __init__(self, folder: Path):
        """Open a journal, new or left by an interrupted extraction.

        Args:
            folder: Its folder, created if missing.

        Raises:
            ArtifactRefused: The folder contains a symbolic link.
        """
        self.folder = folder
        check_no_symlinks(folder)
        (folder / "crops").mkdir(parents=True, exist_ok=True)
        self.state = read_state(folder)
        self._drop_uncounted()
        self._rows = self.state.rows
        self._unflushed_crops: list[Path] = []

    def add(self, faces: Iterable[FoundFace]) -> None:
        """Write faces. They are valid from the next `commit` on.

        Args:
            faces: The faces.
        """
        with (
            explain_os_errors(self.folder),
            self._rows_path.open("a", encoding="utf-8") as rows,
            self._embeddings_path.open("ab") as embeddings,
        ):
            for face in faces:
                crop = self.folder / face.record.image
                crop.write_bytes(face.jpeg)
                self._unflushed_crops.append(crop)
                rows.write(face.record.model_dump_json() + "\n")
                embeddings.write(float32(face.embedding).tobytes())
                self._rows += 1

    def commit(self, frames: int, next_frame: int, *, done: bool = False, damage: str = "") -> None:
        """Flush all added faces to the disk and make them valid.

        Args:
            frames: Frames that were searched.
            next_frame: Index of the frame to resume at.
            done: Whether the footage file is finished.
            damage: What of it could not be read; "" if all was read.
        """
        self.state = JournalState(
            rows=self._rows, frames=frames, next_frame=next_frame, done=done, damage=damage
        )
        with explain_os_errors(self.folder):
            self._flush()
        write_text(self._state_path, to_json(self.state))

    def _flush(self) -> None:
        if not self._unflushed_crops:
            return
        files = (*self._unflushed_crops, self._rows_path, self._embeddings_path)
        for path in (*files, self.folder / "crops", self.folder):
            flush_to_disk(path)
        self._unflushed_crops.clear()

    def next_track(self) -> int:
        """Return a track number that no face has; an interrupted track is not continued."""
        return max((record.track for record in self.read_records()), default=-1) + 1

    def read_records(self) -> Iterator[FaceRecord]:
        """Read the faces.

        Yields:
            The faces in order.

        Raises:
            ArtifactRefused: A row is damaged.
        """
        for line in read_lines(self._rows_path, MAX_ROW_BYTES):
            try:
                yield FaceRecord.model_validate_json(line)
            except ValidationError as error:
                raise ArtifactRefused(
                    f"{self._rows_path} is damaged; remove {self.folder.parent} to start again."
                ) from error

    def read_embeddings(self) -> Float32[np.ndarray, "n 192"]:
        """Read the embeddings, in the order of the rows."""
        return np.fromfile(self._embeddings_path, np.float32).reshape(-1, EMBEDDING_SIZE)

    @property
    def _state_path(self) -> Path:
        return self.folder / "state.json"

    @property
    def _rows_path(self) -> Path:
        return self.folder / "rows.jsonl"

    @property
    def _embeddings_path(self) -> Path:
        return self.folder / "embeddings.f32"

    def _drop_uncounted(self) -> None:
        self._rows_path.touch()
        lengths = [len(line) for line in read_lines(self._rows_path, MAX_ROW_BYTES)]
        with self._rows_path.open("ab") as rows, self._embeddings_path.open("ab") as embeddings:
            # A count larger than the files is invalid; all is found again.
            if self.state.rows > min(len(lengths), embeddings.tell() // _EMBEDDING_BYTES):
                self._state_path.unlink()
                self.state = JournalState()
            rows.truncate(sum(lengths[: self.state.rows]))
            embeddings.truncate(self.state.rows * _EMBEDDING_BYTES)


def read_state(folder: Path) -> JournalState:
    """Read a journal's state.

    Args:
        folder: The journal's folder.

    Returns:
        The state; that of a new journal if there is none or it is damaged.
    """
    try:
        return JournalState.model_validate_json(
            read_bounded(folder / "state.json", MAX_DOCUMENT_BYTES)
        )
    except (OSError, ValueError, ArtifactRefused):
        return JournalState()


def encode_crop(crop: Rgb) -> bytes:
    """Encode a crop as a face set stores it.

    Args:
        crop: 8-bit RGB.

    Returns:
        The content of the JPEG file.
    """
    return encode_picture(crop, ".jpg", JPEG_OPTIONS)
