"""Store the finished segments of a conversion beside its output, so that it can be resumed.

The hidden folder `.OUT.work` holds

    conversion.json   what is converted, with which source and options
    000000.segment    the encoded pictures of a segment
    000000.npz        the analysis state after it (see `analysis_state_io`)
    000000.json       written last: the segment is complete

The folder is deleted when the output is written, or when the target is refused. The output's lock
lets one process at a time work in it (see `output_lock`).
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from pydantic import Field

from faceloom.atomic import atomic_file, friendly_os_error, write_text
from faceloom.errors import ArtifactRefused, ContentRefused, NoFaceFound, UsageError
from faceloom.faces.parsing.occlusion import Occlusion
from faceloom.hashing import sha256_of_file
from faceloom.json_documents import StrictModel, to_json
from faceloom.output_lock import lock_output
from faceloom.safe_read import MAX_DOCUMENT_BYTES, check_no_symlinks, read_bounded
from faceloom.swap.pipeline.analysis import AnalysisState
from faceloom.swap.pipeline.analysis_state_io import read_state, write_state
from faceloom.swap.pipeline.frame_counts import FrameCounts
from faceloom.swap.pipeline.resume_key import KEY_FILE, ResumeKey, read_key, resume_folder
from faceloom.video.output import STDIO_PATH, check_output_path, final_path

log = logging.getLogger(__name__)

# The largest frame count that is believed: a year of 60 frames a second.
_MAX_FRAMES = 2_000_000_000


class SegmentRow(StrictModel):
    """`000000.json`: a complete segment."""

    frames: Annotated[int, Field(ge=1, le=_MAX_FRAMES)]
    """Frames in it."""
    swapped: Annotated[int, Field(ge=0, le=_MAX_FRAMES)]
    """Frames in which a face was swapped."""
    missing: Annotated[int, Field(ge=0, le=_MAX_FRAMES)]
    """Frames in which a face was lost."""
    occluded: Annotated[int, Field(ge=0, le=_MAX_FRAMES)]
    """Frames in which something stands before a swapped face."""
    occlusions: tuple[tuple[float, float], ...]
    """Presentation times of the first and the last frame of each span of these, in seconds."""
    pictures_sha256: str
    """Checksum of the encoded pictures."""
    state_sha256: str | None
    """Checksum of the state after the segment; None: the target ended within it."""


class ResumeStore:
    """The folder of one conversion."""

    def __init__(self, folder: Path, rows: list[SegmentRow]):
        self._folder = folder
        self._rows = rows

    @classmethod
    @contextmanager
    def open(
        cls, out: Path, key: ResumeKey, *, resume: bool, force: bool, keep_partial: bool = True
    ) -> Iterator["ResumeStore"]:
        """Open the store of a conversion.

        Complete segments are kept when the work stops early for any reason but a target that is
        refused itself (no face, its content), where resuming would not help.

        Args:
            out: the conversion's output. Standard output has a temporary store.
            key: what decides the pixels; an interrupted conversion with another key is refused.
            resume: continue an interrupted conversion.
            force: delete an interrupted conversion and start again.
            keep_partial: keep complete segments when the work stops early.

        Yields:
            The store, locked.

        Raises:
            UsageError: an interrupted conversion exists and neither `resume` nor `force` is given,
                it has another key, or another process works on the output.
        """
        if out == STDIO_PATH:
            with TemporaryDirectory() as folder:
                yield cls(Path(folder), [])
            return
        with _locked(resume_folder(out), out) as folder:
            # Another process may have written it since the target was opened.
            check_output_path(out, force=force)
            rows = _resumed_rows(folder, out, key, resume=resume, force=force)
            write_text(folder / KEY_FILE, to_json(key))
            store = cls(folder, rows)
            try:
                yield store
            except (NoFaceFound, ContentRefused):
                store._close(keep=False)
                raise
            except BaseException:
                store._close(keep=keep_partial)
                raise
            store._close(keep=False)

    @property
    def segment_paths(self) -> list[Path]:
        """The encoded pictures of the complete segments, in order."""
        return [self.segment_path(index) for index in range(len(self._rows))]

    @property
    def counts(self) -> FrameCounts:
        """What the complete segments hold."""
        counts = (
            FrameCounts(
                row.frames, row.swapped, row.missing, Occlusion(row.occluded, row.occlusions)
            )
            for row in self._rows
        )
        return sum(counts, FrameCounts())

    @property
    def is_complete(self) -> bool:
        """Whether the last segment contains the end of the target."""
        return bool(self._rows) and self._rows[-1].state_sha256 is None

    def read_state(self) -> AnalysisState | None:
        """Return the state after the last segment; None without segments or at the end.

        Raises:
            ArtifactRefused: the file is damaged.
        """
        if not self._rows or self.is_complete:
            return None
        return read_state(self._state_path(len(self._rows) - 1))

    @contextmanager
    def next_segment(self) -> Iterator[Path]:
        """Yield where to write the next segment's pictures; `commit` then completes it."""
        with atomic_file(self.segment_path(len(self._rows))) as part:
            yield part

    def commit(self, counts: FrameCounts, state: AnalysisState | None) -> None:
        """Complete the segment whose pictures were written last.

        Args:
            counts: what it holds.
            state: the state after it; None if the target ended within it.
        """
        index = len(self._rows)
        if state:
            write_state(self._state_path(index), state)
        row = SegmentRow(
            frames=counts.frames,
            swapped=counts.swapped,
            missing=counts.missing,
            occluded=counts.occlusion.frames,
            occlusions=counts.occlusion.spans,
            pictures_sha256=sha256_of_file(self.segment_path(index)),
            state_sha256=sha256_of_file(self._state_path(index)) if state else None,
        )
        write_text(self._folder / f"{index:06}.json", to_json(row))
        self._rows.append(row)

    def segment_path(self, index: int) -> Path:
        """Return where a segment's encoded pictures are.

        Args:
            index: the segment's index.
        """
        return self._folder / f"{index:06}.segment"

    def _state_path(self, index: int) -> Path:
        return self._folder / f"{index:06}.npz"

    def _close(self, *, keep: bool) -> None:
        if keep and self._rows:
            log.warning(
                "%d frames are finished; run the same command with --resume to continue.",
                self.counts.frames,
            )
        else:
            shutil.rmtree(self._folder, ignore_errors=True)


def remove_finished_store(out: Path) -> None:
    """Remove the store of a conversion that was killed after its output was complete.

    Every run writes the key before the output, so a complete output is newer than the key. The key
    may be removed already. An older output is one that an interrupted conversion was to replace.

    Args:
        out: the conversion's output.

    Raises:
        UsageError: another process writes the output.
    """
    folder, written = resume_folder(out), final_path(out)
    key = folder / KEY_FILE
    with lock_output(written):
        if not written.exists():
            return
        if not key.exists() or written.stat().st_mtime_ns >= key.stat().st_mtime_ns:
            shutil.rmtree(folder, ignore_errors=True)


def _resumed_rows(
    folder: Path, out: Path, key: ResumeKey, *, resume: bool, force: bool
) -> list[SegmentRow]:
    """Return the complete segments to resume from; delete everything that is not used."""
    rows = list(_complete_segments(folder))
    if rows and resume:
        _check_same_key(folder, out, key)
        return rows
    if rows and not force:
        raise UsageError(
            f"An interrupted conversion to {out} exists: {sum(row.frames for row in rows)} of its "
            "frames are finished. Add --resume to continue it, or --force to start again."
        )
    for file in folder.iterdir():
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink()
    return []


def _check_same_key(folder: Path, out: Path, key: ResumeKey) -> None:
    if different := read_key(folder).differences(key):
        raise UsageError(
            f"Cannot resume {out}: these settings differ from the interrupted run: "
            f"{', '.join(different)}. Repeat that command with --resume, or use --force to start "
            "again."
        )


def _complete_segments(folder: Path) -> Iterator[SegmentRow]:
    """Yield the rows of the leading segments whose files are intact; later ones are redone."""
    index = 0
    while (path := folder / f"{index:06}.json").exists():
        try:
            row = SegmentRow.model_validate_json(read_bounded(path, MAX_DOCUMENT_BYTES))
        except (ValueError, ArtifactRefused):
            return
        if not _matches(path.with_suffix(".segment"), row.pictures_sha256):
            return
        if row.state_sha256 and not _matches(path.with_suffix(".npz"), row.state_sha256):
            return
        yield row
        index += 1


def _matches(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_of_file(path) == sha256


@contextmanager
def _locked(folder: Path, out: Path) -> Iterator[Path]:
    """Create the folder and hold the output's lock."""
    if folder.is_symlink():
        raise UsageError(f"{folder} is a symbolic link; remove it.")
    with lock_output(final_path(out)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            check_no_symlinks(folder)
        except OSError as error:
            raise friendly_os_error(error, out) from error
        yield folder
