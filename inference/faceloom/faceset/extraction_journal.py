"""What was done of one source, kept so that a killed extraction continues where it was.

    state.json        how many rows are whole, the next frame, whether the source is done
    rows.jsonl        a row a face, as in a face set
    embeddings.f32    192 floats a face
    crops/            the faces

Rows, vectors and crops are written first and counted after, so whatever lies beyond the count is dropped.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32
from pydantic import ValidationError

from faceloom.array_types import Rgb, float32
from faceloom.atomic import write_text
from faceloom.errors import ArtifactRefused
from faceloom.faceset.schema import Count, FaceRow
from faceloom.faceset.store import JPEG, MAX_ROW_BYTES
from faceloom.image_io import encode_picture
from faceloom.json_documents import StrictModel, to_json
from faceloom.safe_read import MAX_DOCUMENT_BYTES, check_no_symlinks, read_bounded, read_lines

_WIDTH = 192

# A face's row, the bytes of its crop's file, and its identity vector.
Found: TypeAlias = tuple[FaceRow, bytes, Float32[np.ndarray, "192"]]


class JournalState(StrictModel):
    """`state.json`. `frames`: pictures looked at; `next_frame`: where to go on."""

    rows: Count = 0
    frames: Count = 0
    next_frame: Count = 0
    done: bool = False


class Journal:
    """One source's faces on their way into a face set."""

    def __init__(self, folder: Path):
        """Open a folder, new or left by an interrupted run; raise ArtifactRefused if anything in it leads outside."""
        self.folder = folder
        check_no_symlinks(folder)
        (folder / "crops").mkdir(parents=True, exist_ok=True)
        self.state = read_state(folder)
        self._drop_beyond_count()
        self._rows = self.state.rows

    def add(self, faces: Iterable[Found]) -> None:
        """Write faces; they count from the next `commit` on."""
        rows_file, vectors_file = self.folder / "rows.jsonl", self.folder / "embeddings.f32"
        with rows_file.open("a", encoding="utf-8") as rows, vectors_file.open("ab") as vectors:
            for row, crop, embedding in faces:
                (self.folder / row.image).write_bytes(crop)
                rows.write(
                    row.model_copy(update={"embedding": self._rows}).model_dump_json() + "\n"
                )
                vectors.write(float32(embedding).tobytes())
                self._rows += 1

    def commit(self, frames: int, next_frame: int, *, done: bool = False) -> None:
        """Make all that was added count."""
        self.state = JournalState(rows=self._rows, frames=frames, next_frame=next_frame, done=done)
        write_text(self.folder / "state.json", to_json(self.state))

    def next_track(self) -> int:
        """Return a track number that no row has: an interrupted track is not taken up again."""
        return max((row.track for row in self.read_rows()), default=-1) + 1

    def read_rows(self) -> Iterator[FaceRow]:
        """Yield the rows; raise ArtifactRefused at one that is damaged."""
        path = self.folder / "rows.jsonl"
        for line in read_lines(path, MAX_ROW_BYTES):
            try:
                yield FaceRow.model_validate_json(line)
            except ValidationError as error:
                raise ArtifactRefused(
                    f"{path} is damaged; remove {self.folder.parent} to begin anew."
                ) from error

    def read_embeddings(self) -> Float32[np.ndarray, "n 192"]:
        """Return the rows' identity vectors."""
        return np.fromfile(self.folder / "embeddings.f32", np.float32).reshape(-1, _WIDTH)

    def _drop_beyond_count(self) -> None:
        path = self.folder / "rows.jsonl"
        path.touch()
        lengths = [len(line) for line in read_lines(path, MAX_ROW_BYTES)]
        with path.open("ab") as rows, (self.folder / "embeddings.f32").open("ab") as vectors:
            # A count beyond what is there is no count of these.
            if self.state.rows > min(len(lengths), vectors.tell() // (_WIDTH * 4)):
                self.state = JournalState()
            rows.truncate(sum(lengths[: self.state.rows]))
            vectors.truncate(self.state.rows * _WIDTH * 4)


def read_state(folder: Path) -> JournalState:
    """Return how far a source is; nothing done if there is no whole state."""
    try:
        return JournalState.model_validate_json(
            read_bounded(folder / "state.json", MAX_DOCUMENT_BYTES)
        )
    except (OSError, ValueError, ArtifactRefused):
        return JournalState()


def encode_crop(crop: Rgb) -> bytes:
    """Return a crop as the bytes of the file that a face set keeps."""
    return encode_picture(crop, ".jpg", JPEG)
