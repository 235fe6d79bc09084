"""The sections of a clip that the swap page edits, and the file that keeps them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from faceloom.atomic import write_text
from faceloom.json_documents import StrictModel, read_document, to_json
from faceloom.studio.conversion.swap_settings import DEFAULT_SELECT, SwapSettings
from faceloom.studio.studio_project import Item, StudioProject
from faceloom.swap.options import Section
from faceloom.video import FrameRange

SCHEMA: Literal[1] = 1
# Folder of a project with a file for each clip that has sections.
_FOLDER = "sections"
MAX_FRAMES = 2_000_000_000
"""Most frames of a clip: a year at 60 frames per second."""
# Most sections of a clip; nobody makes more by hand.
_MAX_SECTIONS = 1000


class SectionRow(StrictModel):
    """Successive frames of a clip with settings of their own."""

    start: Annotated[int, Field(ge=0, le=MAX_FRAMES)]
    """Index of the first frame."""
    stop: Annotated[int, Field(ge=1, le=MAX_FRAMES)]
    """Index after the last frame."""
    swap: bool = True
    """Whether faces are swapped in them."""
    settings: SwapSettings = SwapSettings()
    """Which faces are swapped and how they are blended."""

    @model_validator(mode="after")
    def _check_order(self) -> "SectionRow":
        if self.start >= self.stop:
            raise ValueError(f"the section from {self.start} to {self.stop} has no frame")
        return self

    def to_section(self, conversion: SwapSettings) -> Section:
        """Return the section as an option of the library.

        Args:
            conversion: The settings outside all sections. If they select faces, None in a section
                is the largest face, and not the default of `convert`, which depends on the people.
        """
        options = self.settings.to_options()
        if conversion.select and not options.select:
            options = replace(options, select=DEFAULT_SELECT)
        return Section(FrameRange(self.start, self.stop), options, self.swap)


def _check_disjoint(rows: tuple[SectionRow, ...]) -> tuple[SectionRow, ...]:
    ordered = tuple(sorted(rows, key=lambda row: row.start))
    for row, following in pairwise(ordered):
        if following.start < row.stop:
            raise ValueError(
                f"the sections {row.start} to {row.stop} and {following.start} to "
                f"{following.stop} overlap"
            )
    return ordered


SectionRows = Annotated[
    tuple[SectionRow, ...], Field(max_length=_MAX_SECTIONS), AfterValidator(_check_disjoint)
]
"""Sections in the order of their frames; they do not overlap."""


class SectionsFile(StrictModel):
    """`sections/ID.json`."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    """Version of the format."""
    clip: Annotated[str, Field(max_length=4096)]
    """Path of the clip, for a person who reads the file."""
    sections: SectionRows = ()
    """Its sections."""


def read_sections(project: StudioProject, clip: Item) -> tuple[SectionRow, ...]:
    """Return the sections of a clip.

    Args:
        project: The project.
        clip: The clip.

    Raises:
        ArtifactRefused: The file is damaged.
    """
    path = _path(project, clip)
    if not path.exists():
        return ()
    return read_document(path, SectionsFile, SCHEMA, "file of sections").sections


def write_sections(project: StudioProject, clip: Item, rows: Sequence[SectionRow]) -> None:
    """Replace the sections of a clip.

    Args:
        project: The project.
        clip: The clip.
        rows: Its sections.
    """
    path = _path(project, clip)
    path.parent.mkdir(exist_ok=True)
    file = SectionsFile(clip=str(clip.path), sections=tuple(rows))
    write_text(path, to_json(file))


def _path(project: StudioProject, clip: Item) -> Path:
    return project.folder / _FOLDER / f"{clip.id}.json"
