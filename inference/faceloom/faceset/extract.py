"""Footage in, face set out: every source into its journal, then one person's faces into the set."""

import hashlib
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from faceloom.atomic import check_output_directory
from faceloom.errors import NoFaceFound
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.detect import DEFAULT_DETECTOR
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY
from faceloom.faceset.extract_source import ExtractionSettings
from faceloom.faceset.extraction_journal import Journal
from faceloom.faceset.footage import FootageFile, list_footage
from faceloom.faceset.identity_clustering import Choice, select_identity
from faceloom.faceset.reference_faces import embed_references
from faceloom.faceset.schema import FootageRow
from faceloom.faceset.store import MARKER, FaceSetWriter
from faceloom.faceset.worker_pool import extract_in_processes
from faceloom.progress import ProgressGenerator

# Half as much again as the widest training crop: room for the trainer to shift, turn and zoom.
STORED_COVERAGE = 1.5
# What journals are written with; another number makes old ones be done again.
_JOURNAL_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class ExtractOptions:
    """name: whose faces these are. every: use each K-th frame. min_size: smallest face in pixels.

    reference, exclude: pictures of the person, and of people who are not. threshold: cosine above which two
    faces are one person. workers: sources at once, None for as many as there are cores.
    """

    name: str
    every: int = 1
    min_size: float = 40
    size: int = 512
    detect_every: int = 5
    detector: str = DEFAULT_DETECTOR
    reference: tuple[Path, ...] = ()
    exclude: tuple[Path, ...] = ()
    threshold: float = SAME_PERSON_SIMILARITY
    workers: int | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class ExtractSummary:
    """What an extraction found, in frames looked at, and how long it took.

    people: how many different people were seen. left_out: faces of others, or of nobody in particular.
    """

    identity: str
    sources: int
    frames: int
    faces: int
    people: int
    left_out: int
    seconds: float


def extract(
    inputs: Sequence[Path], out: Path, options: ExtractOptions
) -> ProgressGenerator[ExtractSummary]:
    """Write one person's faces in `inputs` to the face set `out`.

    The person is the one of the `reference` pictures, or else whoever is seen most. What is found is kept in
    `OUT.work` until the set is whole, so an interrupted extraction continues where it was. Raises
    NoFaceFound if there is no face of the person in the whole input, UsageError if `out` exists, and
    what `list_footage` raises.
    """
    started = time.monotonic()
    check_output_directory(out, MARKER, force=options.force, inputs=inputs)
    reference, exclude = embed_references(options.reference), embed_references(options.exclude)
    sources = list_footage(inputs)
    geometry = CropGeometry(size=options.size, coverage=STORED_COVERAGE)
    work = out.with_name(out.name + ".work")
    folders = [
        work / _journal_name(source, number, options) for number, source in enumerate(sources)
    ]
    yield from extract_in_processes(
        sources, folders, geometry, _source_options(options), options.workers
    )
    journals = [Journal(folder) for folder in folders]
    choice = _choose(journals, reference, exclude, options)
    if not choice.keep.any():
        shutil.rmtree(work)
        raise NoFaceFound(_nobody(sources, choice))
    _write_set(out, journals, sources, choice, geometry, options)
    shutil.rmtree(work)
    frames = sum(journal.state.frames for journal in journals)
    kept = int(choice.keep.sum())
    left_out = len(choice.keep) - kept
    return ExtractSummary(
        options.name,
        len(sources),
        frames,
        kept,
        choice.people,
        left_out,
        time.monotonic() - started,
    )


def _source_options(options: ExtractOptions) -> ExtractionSettings:
    return ExtractionSettings(
        options.every, options.min_size, options.detect_every, options.detector
    )


def _journal_name(source: FootageFile, number: int, options: ExtractOptions) -> str:
    """A name that changes with whatever would make another journal of the source."""
    asked = (
        _JOURNAL_SCHEMA,
        number,
        options.every,
        options.min_size,
        options.detect_every,
        options.detector,
        options.size,
    )
    return hashlib.sha256(repr((source.sha256(), *asked)).encode()).hexdigest()[:16]


def _choose(
    journals: Sequence[Journal],
    reference: Float32[np.ndarray, "n 192"] | None,
    exclude: Float32[np.ndarray, "n 192"] | None,
    options: ExtractOptions,
) -> Choice:
    embeddings = np.concatenate([journal.read_embeddings() for journal in journals])
    tracks = np.array(
        [
            number * 1_000_000 + row.track
            for number, journal in enumerate(journals)
            for row in journal.read_rows()
        ],
        np.int64,
    )
    return select_identity(
        embeddings, tracks, reference=reference, exclude=exclude, threshold=options.threshold
    )


def _write_set(
    out: Path,
    journals: Sequence[Journal],
    sources: Sequence[FootageFile],
    choice: Choice,
    geometry: CropGeometry,
    options: ExtractOptions,
) -> None:
    keep = iter(choice.keep.tolist())
    with FaceSetWriter.create(out, options.name, geometry, force=options.force) as writer:
        for journal, source in zip(journals, sources, strict=True):
            for row, embedding in zip(journal.read_rows(), journal.read_embeddings(), strict=True):
                if next(keep):
                    writer.adopt(row, journal.folder / row.image, embedding)
            frames = journal.state.frames
            writer.add_source(
                FootageRow(
                    name=source.name, sha256=source.sha256(), kind=source.kind, frames=frames
                )
            )


def _nobody(sources: Sequence[FootageFile], choice: Choice) -> str:
    names = ", ".join(str(source.path) for source in sources)
    if choice.people:
        return f"None of the faces in {names} is the person asked for; give another --reference or a lower --threshold."
    return f"No face was found in {names}; use footage with a visible face, or lower --min-size."
