"""Extraction: each footage file into its journal, then one person's faces into a face set."""

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from faceloom.artifact_kind import Purpose, check_kind
from faceloom.errors import MediaUnreadable, NoFaceFound
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.detect import DEFAULT_DETECTOR
from faceloom.faces.face_recognition import EMBEDDING_SIZE, SAME_PERSON_SIMILARITY
from faceloom.faceset.append import AddedFace, append_faces
from faceloom.faceset.extract_source import ExtractionSettings
from faceloom.faceset.extraction_base import ExtractionBase
from faceloom.faceset.extraction_journal import Journal, journals_folder, remove_journals
from faceloom.faceset.footage import Footage, FootageFile, list_footage
from faceloom.faceset.identity_clustering import IdentitySelection, select_identity
from faceloom.faceset.identity_name import check_identity_name
from faceloom.faceset.reference_faces import embed_references
from faceloom.faceset.schema import FootageRow
from faceloom.faceset.store import FaceSetWriter
from faceloom.faceset.worker_pool import extract_in_processes
from faceloom.json_documents import utf8_text
from faceloom.output_lock import while_locked
from faceloom.progress import ProgressGenerator
from faceloom.video.folder import PassedOver, passed_over_sentence

log = logging.getLogger(__name__)

# Coverage of stored crops: 1.5 times the widest training crop, so that training can shift, rotate
# and zoom.
STORED_COVERAGE = 1.5
# Version of the journals; an older journal is not resumed.
_JOURNAL_SCHEMA = 3
# Added to the tracks of each file, so that tracks of different files differ.
_TRACKS_PER_FILE = 1_000_000


@dataclass(frozen=True, slots=True)
class ExtractOptions:
    """Options of an extraction."""

    name: str = ""
    """Name of the person; "": the name of the existing face set, or of its folder."""
    every: int = 1
    """Use every K-th frame of a video."""
    min_size: float = 40
    """Smallest face in pixels, the longer side of its box."""
    size: int = 512
    """Side of the crops in pixels."""
    detect_every: int = 5
    """Run the detector on every K-th used frame; faces are tracked in between."""
    detector: str = DEFAULT_DETECTOR
    """Name of the detector."""
    reference: tuple[Path, ...] = ()
    """Pictures of the person; without any, the person with the most faces is extracted."""
    exclude: tuple[Path, ...] = ()
    """Pictures of people who are not extracted."""
    threshold: float = SAME_PERSON_SIMILARITY
    """Cosine of two embeddings from which they are of one person, 0 to 1."""
    workers: int | None = None
    """Files that are processed at once; None: one for each core, as far as the memory suffices."""
    force: bool = False
    """Whether an existing face set is replaced."""
    add: bool = False
    """Whether faces are added to an existing face set; its crops' size and its name are kept."""


@dataclass(frozen=True, slots=True)
class ExtractSummary:
    """The result of an extraction."""

    identity: str
    """Name of the person."""
    files: int
    """Footage files that were searched."""
    frames: int
    """Frames that were searched."""
    faces: int
    """Faces of the person that were found."""
    people: int
    """Different people in the footage."""
    other_faces: int
    """Faces that are not in the face set: other people's, and unclear ones."""
    seconds: float
    """Duration of the extraction."""
    known_files: tuple[str, ...] = ()
    """Footage that the face set had already, which was not searched again."""
    total_faces: int = 0
    """Faces of the face set now."""
    passed_over: tuple[str, ...] = ()
    """Files that were not read, with the reason."""
    damaged: tuple[str, ...] = ()
    """Files of which a part was not read, with the reason."""


def extract(
    inputs: Sequence[Path], out: Path, options: ExtractOptions
) -> ProgressGenerator[ExtractSummary]:
    """Extract one person's faces to a face set.

    Journals in `OUT.work` hold the faces until the face set is complete, so that an interrupted
    extraction resumes.

    Args:
        inputs: Videos, pictures, and folders of them.
        out: The face set to write.
        options: The options.

    Yields:
        Progress in frames.

    Returns:
        The result.

    Raises:
        UsageError: `out` exists, an input does not, or the name cannot be a person's.
        MediaUnreadable: Nothing of the footage can be read.
        NoFaceFound: No face of the person was found.
    """
    return while_locked(out, _extract(inputs, out, options))


def _extract(
    inputs: Sequence[Path], out: Path, options: ExtractOptions
) -> ProgressGenerator[ExtractSummary]:
    started = time.monotonic()
    if options.name:
        check_identity_name(options.name)
    for path in inputs:
        check_kind(path, Purpose.FOOTAGE)
    base = ExtractionBase.open(
        inputs,
        out,
        options.name,
        add=options.add,
        force=options.force,
        pictures=(*options.reference, *options.exclude),
    )
    reference, exclude = embed_references(options.reference), embed_references(options.exclude)
    footage = list_footage(inputs)
    files, known = base.new_files(footage.files)
    geometry = base.geometry or CropGeometry(size=options.size, coverage=STORED_COVERAGE)
    work = journals_folder(out)
    folders = [
        work / _journal_name(file, index, geometry.size, options)
        for index, file in enumerate(files, base.file_count)
    ]
    yield from extract_in_processes(
        files, folders, geometry, _extraction_settings(options), options.workers, base.file_count
    )
    journals = [Journal(folder) for folder in folders]
    unread, damaged = _report_damage(journals, files, footage)
    if base.center is not None and reference is None:
        reference = base.center[None]
    selection = _select_faces(journals, reference, exclude, options)
    if files and not selection.keep.any():
        # The faces of other people are kept: the next attempt differs in --reference only.
        if not selection.people:
            remove_journals(out)
        raise NoFaceFound(_no_face_message(journals, files, selection, base, options))
    if base.faces is None:
        _write_face_set(out, journals, files, selection, geometry, options)
    elif files:
        base.warn_if_unlike(_read_embeddings(journals)[selection.keep])
        append_faces(base.faces, _kept_faces(journals, selection), _footage_rows(journals, files))
    remove_journals(out)
    kept = int(selection.keep.sum())
    return ExtractSummary(
        identity=base.faces.identity if base.faces else options.name or out.name,
        files=len(files),
        frames=sum(journal.state.frames for journal in journals),
        faces=kept,
        people=selection.people,
        other_faces=len(selection.keep) - kept,
        seconds=time.monotonic() - started,
        known_files=tuple(known),
        total_faces=kept + base.face_count,
        passed_over=tuple(map(str, unread)),
        damaged=tuple(map(str, damaged)),
    )


def _report_damage(
    journals: Sequence[Journal], files: Sequence[FootageFile], footage: Footage
) -> tuple[list[PassedOver], list[PassedOver]]:
    """Warn of what was not read; return the files that were not, and those that were in part.

    Raises:
        MediaUnreadable: Nothing was read.
    """
    unread = list(footage.passed_over)
    damaged: list[PassedOver] = []
    for journal, file in zip(journals, files, strict=True):
        if journal.state.damage:
            passed = PassedOver.because(file.path, journal.state.damage)
            (damaged if journal.state.frames else unread).append(passed)
    if files and not any(journal.state.frames for journal in journals):
        names = ", ".join(map(str, unread))
        raise MediaUnreadable(f"No frame of the footage can be read: {names}; give other files.")
    if unread:
        total = len(footage.files) + len(footage.passed_over)
        log.warning("%s", passed_over_sentence(unread, total))
    for passed in damaged:
        log.warning("%s %s; the frames that can be decoded are used.", passed.path, passed.reason)
    return unread, damaged


def _extraction_settings(options: ExtractOptions) -> ExtractionSettings:
    return ExtractionSettings(
        options.every, options.min_size, options.detect_every, options.detector
    )


def _journal_name(file: FootageFile, index: int, size: int, options: ExtractOptions) -> str:
    """Return a name that depends on everything that determines the journal's content."""
    settings = (
        _JOURNAL_SCHEMA,
        index,
        options.every,
        options.min_size,
        options.detect_every,
        options.detector,
        size,
    )
    return hashlib.sha256(repr((file.sha256(), *settings)).encode()).hexdigest()[:16]


def _select_faces(
    journals: Sequence[Journal],
    reference: Float32[np.ndarray, "n 192"] | None,
    exclude: Float32[np.ndarray, "n 192"] | None,
    options: ExtractOptions,
) -> IdentitySelection:
    tracks = np.array(
        [
            index * _TRACKS_PER_FILE + record.track
            for index, journal in enumerate(journals)
            for record in journal.read_records()
        ],
        np.int64,
    )
    return select_identity(
        _read_embeddings(journals),
        tracks,
        reference=reference,
        exclude=exclude,
        threshold=options.threshold,
    )


def _read_embeddings(journals: Sequence[Journal]) -> Float32[np.ndarray, "n 192"]:
    empty = np.zeros((0, EMBEDDING_SIZE), np.float32)
    return np.concatenate([empty, *(journal.read_embeddings() for journal in journals)])


def _write_face_set(
    out: Path,
    journals: Sequence[Journal],
    files: Sequence[FootageFile],
    selection: IdentitySelection,
    geometry: CropGeometry,
    options: ExtractOptions,
) -> None:
    name = utf8_text(options.name or out.name)
    with FaceSetWriter.create(out, name, geometry, force=options.force) as writer:
        for face in _kept_faces(journals, selection):
            writer.add_face(*face)
        for row in _footage_rows(journals, files):
            writer.add_file(row)


def _kept_faces(journals: Sequence[Journal], selection: IdentitySelection) -> Iterator[AddedFace]:
    keep = iter(selection.keep.tolist())
    for journal in journals:
        embeddings = journal.read_embeddings()
        for record, embedding in zip(journal.read_records(), embeddings, strict=True):
            if next(keep):
                yield AddedFace(record, journal.folder / record.image, embedding)


def _footage_rows(journals: Sequence[Journal], files: Sequence[FootageFile]) -> list[FootageRow]:
    return [
        FootageRow(
            name=file.name, sha256=file.sha256(), kind=file.kind, frames=journal.state.frames
        )
        for journal, file in zip(journals, files, strict=True)
    ]


def _no_face_message(
    journals: Sequence[Journal],
    files: Sequence[FootageFile],
    selection: IdentitySelection,
    base: ExtractionBase,
    options: ExtractOptions,
) -> str:
    names = ", ".join(str(file.path) for file in files)
    if selection.people and base.faces and not options.reference:
        likeness = base.likeness(_read_embeddings(journals))
        return (
            f"No face in {names} looks like {base.faces.identity} (similarity {likeness:.2f}); if "
            "the person is there, give a picture from this footage with --reference, or a lower "
            "--threshold."
        )
    if selection.people:
        return (
            f"No face in {names} is the requested person's; give another --reference or a lower "
            "--threshold."
        )
    return f"No face was found in {names}; use footage with a visible face, or lower --min-size."
