"""Drop faces from a face set in bulk, with undo.

Dropped crops move to dropped/NUMBER/, next to record.json with the reasons. A face whose crop is
not in crops/ is dropped, so no other file changes.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceloom import __version__
from faceloom.artifact_kind import Purpose, check_kind
from faceloom.atomic import write_text
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY
from faceloom.faceset.filters import REGION_FIELDS, Condition, MeasuredFace
from faceloom.faceset.parsing.region_shares import RegionShares, measure_regions
from faceloom.faceset.schema import SCHEMA, CropPath, FaceRow, FaceSetFile
from faceloom.faceset.similarity import near_duplicates, similarities
from faceloom.faceset.store import FACESET_FILE, FaceSet
from faceloom.json_documents import StrictModel, read_document, to_json
from faceloom.operating_system import flush_names, flush_to_disk
from faceloom.output_lock import lock_output
from faceloom.progress import ProgressGenerator
from faceloom.safe_read import check_no_symlinks

_RECORD_SCHEMA: Literal[2] = 2
_RECORD_FILE = "record.json"
# Reasons that are not conditions.
_OTHER_PERSON = "another person"
_DUPLICATE = "near-duplicate"


class DroppedFace(StrictModel):
    """A dropped face."""

    image: CropPath
    """Path of the crop in the face set."""
    reason: str
    """The first reason that applies."""


class DropRecord(StrictModel):
    """`dropped/NUMBER/record.json`."""

    schema_number: Annotated[Literal[2], Field(alias="schema")] = _RECORD_SCHEMA
    """Version of the format."""
    faceloom_version: str
    """Version of Faceloom that wrote the record."""
    faces: Annotated[tuple[DroppedFace, ...], Field(min_length=1)]
    """The dropped faces."""


@dataclass(frozen=True, slots=True)
class CurateOptions:
    """What to drop."""

    drop: tuple[Condition, ...] = ()
    """Drop faces that satisfy any of these conditions."""
    dedupe: bool = False
    """Of near-duplicates, keep only the sharpest face."""
    keep_identity: bool = False
    """Drop faces whose similarity to the face set's center is below SAME_PERSON_SIMILARITY."""

    @property
    def is_empty(self) -> bool:
        """Whether the options drop nothing."""
        return not (self.drop or self.dedupe or self.keep_identity)

    @property
    def needs_regions(self) -> bool:
        """Whether a condition asks for what hides a face."""
        return any(condition.field in REGION_FIELDS for condition in self.drop)


@dataclass(frozen=True, slots=True)
class DropCount:
    """How many faces are dropped for one reason."""

    reason: str
    """The reason."""
    faces: int
    """Faces whose first reason it is."""


@dataclass(frozen=True, slots=True)
class CurateSummary:
    """The result of a curation."""

    action: Literal["none", "dropped", "restored"]
    """What was done; "none" for a dry run."""
    faces: int
    """Faces of the face set before."""
    moved: int
    """Faces that are dropped, or would be, or are restored."""
    reasons: tuple[DropCount, ...]
    """The reasons, the most frequent first."""

    def to_text(self) -> str:
        """Return the summary as text."""
        lines = [f"  {reason.faces:>6} {reason.reason}" for reason in self.reasons]
        if self.action == "restored":
            total = self.faces + self.moved
            return f"Restored {self.moved} faces; the face set now has {total}."
        verb = "Dropped" if self.action == "dropped" else "Would drop"
        rest = self.faces - self.moved
        lines.insert(0, f"{verb} {self.moved} of {self.faces} faces; {rest} remain.")
        if self.action == "dropped":
            lines.append("Restore them with --undo.")
        elif self.moved:
            lines.append("Nothing was changed; pass --apply to drop them.")
        return "\n".join(lines)


def curate(
    directory: Path, options: CurateOptions, *, apply: bool
) -> ProgressGenerator[CurateSummary]:
    """Select the faces to drop and, with `apply`, move them out of the face set.

    Faces are parsed into regions if a condition asks for what hides them.

    Args:
        directory: The face set.
        options: What to drop.
        apply: Whether to move the faces; False is a dry run.

    Yields:
        Progress, if faces are parsed.

    Returns:
        The result.

    Raises:
        ArtifactRefused: The folder is not a face set, or is damaged.
        UsageError: The options are empty, or no face would remain.
    """
    if options.is_empty:
        raise UsageError(
            "No option says what to drop; pass --drop CONDITION, --dedupe, --keep-identity or "
            "--undo."
        )
    with lock_output(directory) if apply else nullcontext():
        return (yield from _curate(directory, options, apply=apply))


def _curate(
    directory: Path, options: CurateOptions, *, apply: bool
) -> ProgressGenerator[CurateSummary]:
    faces = FaceSet.read(directory)
    regions = None
    if options.needs_regions:
        regions = yield from measure_regions(faces, faces.rows)
    dropped = select_dropped(faces, options, regions)
    if len(dropped) == len(faces):
        raise UsageError(
            f"These options would drop all {len(faces)} faces of {directory}; use narrower "
            "conditions."
        )
    if apply and dropped:
        _move_out(directory, dropped)
    counts = Counter(face.reason for face in dropped)
    reasons = tuple(DropCount(reason, count) for reason, count in counts.most_common())
    return CurateSummary("dropped" if apply else "none", len(faces), len(dropped), reasons)


def select_dropped(
    faces: FaceSet, options: CurateOptions, regions: Sequence[RegionShares] | None = None
) -> list[DroppedFace]:
    """Select the faces to drop, each with its first reason; changes nothing.

    Near-duplicates are searched among the faces that the other reasons leave, so that no face is
    dropped for its similarity to another dropped face.

    Args:
        faces: The face set.
        options: What to drop.
        regions: What hides each face; None if no condition asks for it.

    Returns:
        The faces to drop, in order.
    """
    cosines = similarities(faces.read_embeddings())
    shares = [RegionShares()] * len(faces) if regions is None else regions
    measured = [
        MeasuredFace(row, float(cosine), hidden)
        for row, cosine, hidden in zip(faces.rows, cosines, shares, strict=True)
    ]
    reasons = {face.row.image: reason for face in measured if (reason := _reason(face, options))}
    if options.dedupe:
        rest = [row for row in faces.rows if row.image not in reasons]
        reasons |= dict.fromkeys(_duplicate_images(rest), _DUPLICATE)
    return [
        DroppedFace(image=row.image, reason=reasons[row.image])
        for row in faces.rows
        if row.image in reasons
    ]


def drop_faces(directory: Path, images: Collection[str], reason: str) -> CurateSummary:
    """Move chosen faces out of the face set; `undo_curate` restores them.

    Reads no row of the face set, so it is fast for any number of faces.

    Args:
        directory: The face set.
        images: Paths of the crops in the face set.
        reason: The reason to record.

    Returns:
        The result.

    Raises:
        ArtifactRefused: The folder is not a face set.
        UsageError: No face is given, one is not in the face set, none would remain, or another
            process writes the face set.
    """
    with lock_output(directory):
        return _drop_faces(directory, dict.fromkeys(images), reason)


def _drop_faces(directory: Path, images: Collection[str], reason: str) -> CurateSummary:
    _check_face_set(directory)
    if not images:
        raise UsageError("No face is given; choose the faces to drop.")
    crops = {f"crops/{path.name}" for path in (directory / "crops").glob("*.jpg")}
    unknown = next((image for image in images if image not in crops), None)
    if unknown is not None:
        raise UsageError(
            f"{directory} has no face {unknown!r}; it was dropped already, or the name is wrong."
        )
    if len(images) == len(crops):
        raise UsageError(
            f"This would drop all {len(crops)} faces of {directory}; choose fewer faces."
        )
    _move_out(directory, [DroppedFace(image=image, reason=reason) for image in images])
    counts = (DropCount(reason, len(images)),)
    return CurateSummary("dropped", len(crops), len(images), counts)


def has_dropped_faces(directory: Path) -> bool:
    """Return whether `undo_curate` has something to restore.

    Args:
        directory: The face set.
    """
    return bool(_drop_numbers(directory))


def undo_curate(directory: Path) -> CurateSummary:
    """Restore the faces of the last drop.

    Args:
        directory: The face set.

    Returns:
        The result.

    Raises:
        ArtifactRefused: The folder is not a face set, or its record is damaged.
        UsageError: Nothing was dropped, or a crop to restore exists already.
    """
    with lock_output(directory):
        return _undo_curate(directory)


def _undo_curate(directory: Path) -> CurateSummary:
    _check_face_set(directory)
    numbers = _drop_numbers(directory)
    if not numbers:
        raise UsageError(f"{directory} has no dropped faces to restore.")
    folder = directory / "dropped" / str(numbers[-1])
    record = _read_record(folder)
    images = dict.fromkeys(face.image for face in record.faces)
    moves = [(folder / Path(image).name, directory / image) for image in images]
    # A killed drop leaves some crops in place, and a person may delete some.
    moves = [(dropped, crop) for dropped, crop in moves if dropped.is_file()]
    for _, crop in moves:
        if crop.exists():
            raise UsageError(f"{crop} exists already; move it away and run the same command again.")
    (directory / "crops").mkdir(exist_ok=True)
    before = len(list((directory / "crops").glob("*.jpg")))
    for dropped, crop in moves:
        dropped.rename(crop)
    # After a power failure the record must not be gone before the crops are back.
    for path in (directory / "crops", folder):
        flush_to_disk(path)
    (folder / _RECORD_FILE).unlink()
    _remove_if_empty(folder)
    _remove_if_empty(folder.parent)
    return CurateSummary("restored", before, len(moves), ())


def _check_face_set(directory: Path) -> None:
    check_kind(directory, Purpose.FACE_SET)
    read_document(directory / FACESET_FILE, FaceSetFile, SCHEMA, "face set")
    check_no_symlinks(directory)


def _reason(face: MeasuredFace, options: CurateOptions) -> str:
    if options.keep_identity and face.similarity < SAME_PERSON_SIMILARITY:
        return _OTHER_PERSON
    return next((str(condition) for condition in options.drop if condition.holds(face)), "")


def _duplicate_images(rows: Sequence[FaceRow]) -> list[str]:
    return [
        row.image for row, duplicate in zip(rows, near_duplicates(rows), strict=True) if duplicate
    ]


def _move_out(directory: Path, dropped: Sequence[DroppedFace]) -> None:
    """Write the record before moving, so that a killed drop can be undone."""
    number, moved = _open_drop(directory)
    folder = directory / "dropped" / str(number)
    record = DropRecord(faceloom_version=__version__, faces=(*moved, *dropped))
    write_text(folder / _RECORD_FILE, to_json(record))
    for face in dropped:
        (directory / face.image).rename(folder / Path(face.image).name)
    for path in (directory / "crops", folder):
        flush_names(path)


def _open_drop(directory: Path) -> tuple[int, list[DroppedFace]]:
    """Return the number of the next drop, and its faces so far: an interrupted drop is continued.

    A record that cannot be read is kept, and the next number is used.
    """
    numbers = _drop_numbers(directory)
    if not numbers:
        return 1, []
    folder = directory / "dropped" / str(numbers[-1])
    try:
        faces = _read_record(folder).faces
    except ArtifactRefused:
        return numbers[-1] + 1, []
    moved = [face for face in faces if (folder / Path(face.image).name).is_file()]
    # A crop in both folders was dropped, and another one was put in its place.
    left = {face.image for face in faces} - {face.image for face in moved}
    if not any((directory / image).is_file() for image in left):
        return numbers[-1] + 1, []
    return numbers[-1], moved


def _read_record(folder: Path) -> DropRecord:
    return read_document(
        folder / _RECORD_FILE, DropRecord, _RECORD_SCHEMA, "record of dropped faces"
    )


def _drop_numbers(directory: Path) -> list[int]:
    """Return the numbers of all drops; one killed before its record was written moved nothing."""
    records = (directory / "dropped").glob(f"*/{_RECORD_FILE}")
    return sorted(int(path.parent.name) for path in records if path.parent.name.isdecimal())


def _remove_if_empty(folder: Path) -> None:
    # Fails if the folder contains other files; it is kept then.
    with suppress(OSError):
        folder.rmdir()
