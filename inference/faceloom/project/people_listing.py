"""A folder with portraits of the people in footage, to choose whose faces are extracted.

people.json                        the people, most frequent first
person-1.png, person-1-2.png, ...  portraits of the first person, most typical first
people.png                         a sheet of the first portraits
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceloom import __version__
from faceloom.atomic import atomic_directory, check_output_directory
from faceloom.errors import NoFaceFound
from faceloom.faceset.footage import list_footage
from faceloom.image_io import write_png
from faceloom.json_documents import StrictModel, read_document, to_json
from faceloom.progress import ProgressGenerator
from faceloom.project.people import FootagePeople, Person, find_people, write_portraits

PEOPLE_FILE = "people.json"
SCHEMA: Literal[1] = 1
# How the portraits' names start; `write_portraits` adds the person's number.
_PREFIX = "person"
PortraitName = Annotated[str, Field(pattern=r"^person-\d{1,4}(-\d)?\.png$")]


class ListedPerson(StrictModel):
    """One person of the footage."""

    number: Annotated[int, Field(ge=1)]
    """Number of the person, from 1."""
    frames: Annotated[int, Field(ge=1)]
    """Number of sampled frames that show the person."""
    portraits: Annotated[tuple[PortraitName, ...], Field(min_length=1, max_length=10)]
    """Names of the portraits, which `extract --reference` takes."""


class PeopleFile(StrictModel):
    """`people.json`."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    """Version of the format."""
    faceloom_version: str
    """Version of Faceloom that wrote the file."""
    samples: Annotated[int, Field(ge=1)]
    """Number of sampled frames."""
    people: Annotated[tuple[ListedPerson, ...], Field(min_length=1)]
    """The people, most frequent first."""


@dataclass(frozen=True, slots=True)
class PeopleSummary:
    """The result of `list_people`."""

    folder: Path
    """The folder with their portraits."""
    samples: int
    """Number of sampled frames."""
    people: tuple[ListedPerson, ...]
    """The people."""

    def to_text(self) -> str:
        """Return the people as a table."""
        rows = [
            f"{person.number:>6}  {person.frames:>3} of {self.samples:<3}  "
            f"{self.folder / person.portraits[0]}"
            for person in self.people
        ]
        return "\n".join(["person  frames      picture for --reference", *rows])


def list_people(
    footage: Sequence[Path], out: Path, *, force: bool = False
) -> ProgressGenerator[PeopleSummary]:
    """Find the people of footage in a few frames, and write portraits of each.

    Args:
        footage: Videos, pictures, or folders of them.
        out: The folder to write.
        force: Whether an existing folder of portraits is replaced.

    Yields:
        Progress in sampled frames.

    Returns:
        The people.

    Raises:
        UsageError: The folder exists, or there is no footage.
        MediaUnreadable: None of the footage can be read.
        NoFaceFound: The sampled frames show no face.
    """
    check_output_directory(out, PEOPLE_FILE, force=force, inputs=footage)
    found = yield from find_people(list_footage(footage).files, "the footage")
    if not found.people:
        names = ", ".join(map(str, footage))
        raise NoFaceFound(f"No face was found in {found.samples} frames of {names}.")
    with atomic_directory(out) as folder:
        file = _write(found, folder)
    return PeopleSummary(out, file.samples, file.people)


def read_people(folder: Path) -> PeopleFile:
    """Read the people of a folder that `list_people` wrote.

    Args:
        folder: The folder.

    Raises:
        ArtifactRefused: `people.json` is missing, damaged or has another schema.
    """
    return read_document(folder / PEOPLE_FILE, PeopleFile, SCHEMA, "list of people")


def _write(found: FootagePeople, folder: Path) -> PeopleFile:
    sheet, pictures = write_portraits(found.people, folder, _PREFIX)
    sheet.rename(folder / "people.png")
    rows = [
        ListedPerson(
            number=number,
            frames=person.frames,
            portraits=(first.name, *_write_others(person, folder, number)),
        )
        for number, (person, first) in enumerate(zip(found.people, pictures, strict=True), 1)
    ]
    file = PeopleFile(faceloom_version=__version__, samples=found.samples, people=tuple(rows))
    (folder / PEOPLE_FILE).write_text(to_json(file), encoding="utf-8")
    return file


def _write_others(person: Person, folder: Path, number: int) -> list[str]:
    """Write all portraits of a person but the first, and return their names."""
    names = []
    for index, portrait in enumerate(person.portraits()[1:], 2):
        names.append(f"{_PREFIX}-{number}-{index}.png")
        write_png(folder / names[-1], portrait)
    return names
