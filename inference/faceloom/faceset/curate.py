"""Reject faces in bulk, so that it can be undone.

Rejected crops move to dropped/NUMBER/ beside record.json, which says why. A face whose picture is
missing from crops/ is a rejected one, so nothing else needs to know.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceloom import __version__
from faceloom.atomic import write_text
from faceloom.errors import UsageError
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY
from faceloom.faceset.filters import Condition, MeasuredFace
from faceloom.faceset.schema import SCHEMA, CropPath, FaceRow, FaceSetFile
from faceloom.faceset.similarity import near_duplicates, similarities
from faceloom.faceset.store import FaceSet
from faceloom.json_documents import StrictModel, read_document, to_json
from faceloom.safe_read import check_no_symlinks

_SCHEMA: Literal[1] = 1
_RECORD = "record.json"
_OTHER_PERSON = "another person"
_DUPLICATE = "near-duplicate"


class Dropped(StrictModel):
    """A rejected face and the first reason for it."""

    image: CropPath
    reason: str


class DroppedFile(StrictModel):
    """`dropped/NUMBER/record.json`."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = _SCHEMA
    faceloom: str
    faces: Annotated[tuple[Dropped, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class CurateOptions:
    """drop: conditions of which one is enough. dedupe: of near-duplicates keep the sharpest.

    keep_identity: drop faces less like the set's own center than SAME_PERSON.
    """

    drop: tuple[Condition, ...] = ()
    dedupe: bool = False
    keep_identity: bool = False

    @property
    def asks_nothing(self) -> bool:
        """Whether no face can be dropped by this."""
        return not (self.drop or self.dedupe or self.keep_identity)


@dataclass(frozen=True, slots=True)
class Reason:
    """How many faces go for a reason; a face is counted under its first."""

    reason: str
    faces: int


@dataclass(frozen=True, slots=True)
class CurateSummary:
    """`done`: what was done to the set; `faces`: how many it had, `moved`: how many leave or come back."""

    done: Literal["nothing", "dropped", "brought back"]
    faces: int
    moved: int
    reasons: tuple[Reason, ...]

    def to_text(self) -> str:
        """Return the summary in words."""
        lines = [f"  {reason.faces:>6} {reason.reason}" for reason in self.reasons]
        if self.done == "brought back":
            return f"{self.moved} faces brought back; the set has {self.faces + self.moved}."
        verb = "Dropped" if self.done == "dropped" else "Would drop"
        lines.insert(
            0, f"{verb} {self.moved} of {self.faces} faces; {self.faces - self.moved} stay."
        )
        if self.done == "dropped":
            lines.append("Bring them back with --undo.")
        elif self.moved:
            lines.append("Nothing was changed; pass --apply to do it.")
        return "\n".join(lines)


def curate(directory: Path, options: CurateOptions, *, apply: bool) -> CurateSummary:
    """Find the faces that `options` reject and, with `apply`, move them out of the set.

    Raises ArtifactRefused for what is no face set, UsageError if nothing is asked or no face would stay.
    """
    if options.asks_nothing:
        raise UsageError(
            "Nothing says what to drop; pass --drop CONDITION, --dedupe, --keep-identity or --undo."
        )
    faces = FaceSet.read(directory)
    dropped = select_dropped(faces, options)
    if len(dropped) == len(faces):
        raise UsageError(f"That would drop all {len(faces)} faces of {directory}; ask for less.")
    if apply and dropped:
        _move_out(directory, dropped)
    counts = Counter(face.reason for face in dropped)
    reasons = tuple(Reason(reason, count) for reason, count in counts.most_common())
    return CurateSummary("dropped" if apply else "nothing", len(faces), len(dropped), reasons)


def select_dropped(faces: FaceSet, options: CurateOptions) -> list[Dropped]:
    """Return the faces that `options` reject, each with its first reason; changes nothing.

    Duplicates are looked for among what the other reasons leave, so that no face goes for being like
    one that goes as well.
    """
    likeness = similarities(faces.read_embeddings())
    measured = [
        MeasuredFace(row, float(cosine)) for row, cosine in zip(faces.rows, likeness, strict=True)
    ]
    reasons = {face.row.image: reason for face in measured if (reason := _reason(face, options))}
    if options.dedupe:
        left = [row for row in faces.rows if row.image not in reasons]
        reasons |= dict.fromkeys(_duplicate_images(left), _DUPLICATE)
    return [
        Dropped(image=row.image, reason=reasons[row.image])
        for row in faces.rows
        if row.image in reasons
    ]


def undo_curate(directory: Path) -> CurateSummary:
    """Move the faces of the last drop back.

    Raises ArtifactRefused for what is no face set or has a damaged record, UsageError if nothing was
    dropped or a picture stands in the way.
    """
    read_document(directory / "faceset.json", FaceSetFile, SCHEMA, "face set")
    check_no_symlinks(directory)
    numbers = _drop_numbers(directory)
    if not numbers:
        raise UsageError(f"{directory} has no dropped faces to bring back.")
    folder = directory / "dropped" / str(numbers[-1])
    record = read_document(folder / _RECORD, DroppedFile, _SCHEMA, "record of dropped faces")
    images = dict.fromkeys(face.image for face in record.faces)
    pairs = [(folder / Path(image).name, directory / image) for image in images]
    # A drop that was killed, or a person, may have left some where they were.
    pairs = [(kept, home) for kept, home in pairs if kept.is_file()]
    for _, home in pairs:
        if home.exists():
            raise UsageError(f"{home} is there again; move it away and run the same command again.")
    (directory / "crops").mkdir(exist_ok=True)
    before = len(list((directory / "crops").glob("*.jpg")))
    for kept, home in pairs:
        kept.rename(home)
    (folder / _RECORD).unlink()
    _remove_if_empty(folder)
    _remove_if_empty(folder.parent)
    return CurateSummary("brought back", before, len(pairs), ())


def _reason(face: MeasuredFace, options: CurateOptions) -> str:
    if options.keep_identity and face.similarity < SAME_PERSON_SIMILARITY:
        return _OTHER_PERSON
    return next((str(condition) for condition in options.drop if condition.holds(face)), "")


def _duplicate_images(rows: Sequence[FaceRow]) -> list[str]:
    return [
        row.image for row, duplicate in zip(rows, near_duplicates(rows), strict=True) if duplicate
    ]


def _move_out(directory: Path, dropped: Sequence[Dropped]) -> None:
    """Write the record, then move: a killed run is undone like a whole one."""
    numbers = _drop_numbers(directory)
    folder = directory / "dropped" / str(numbers[-1] + 1 if numbers else 1)
    write_text(folder / _RECORD, to_json(DroppedFile(faceloom=__version__, faces=tuple(dropped))))
    for face in dropped:
        (directory / face.image).rename(folder / Path(face.image).name)


def _drop_numbers(directory: Path) -> list[int]:
    """The numbers of whole drops; one killed before its record stood has moved nothing."""
    records = (directory / "dropped").glob(f"*/{_RECORD}")
    return sorted(int(path.parent.name) for path in records if path.parent.name.isdecimal())


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
