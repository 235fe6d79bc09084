"""The faces that a run's preview sheets may show, for the form that chooses them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceloom.studio.faces.crop_files import crop_names
from faceloom.studio.runs.pinned_faces import PinnedFaces
from faceloom.studio.runs.run_description import RunDescription
from faceloom.studio.studio_project import ItemKind, StudioProject

SETTING = "preview_faces"
"""The trainer's setting: a list of IDENTITY/FACE."""
# Faces of a person that the form offers, evenly spread, beside those that are chosen or pinned.
_OFFERED = 24


@dataclass(frozen=True, slots=True)
class OfferedFaces:
    """The faces of one person that the form offers."""

    identity: str
    """The person."""
    faces_id: str
    """Id of the face set in the project."""
    names: tuple[str, ...]
    """The faces, by the names of their crops."""
    chosen: frozenset[str]
    """Those that the sheets of the run show."""
    pinned: frozenset[str]
    """Those that the user pinned on the page of the face set."""


def offer_preview_faces(project: StudioProject, settings: RunDescription) -> Iterator[OfferedFaces]:
    """Yield the faces that the preview sheets of a run may show.

    Args:
        project: The project.
        settings: The run's settings.

    Yields:
        The faces of each person whose face set the project contains.
    """
    value = next((each.value for each in settings.changeable if each.key == SETTING), None)
    if value is None:
        return
    chosen = [name.partition("/") for name in json.loads(value)]
    pinned_faces = PinnedFaces(project.folder)
    items = {item.path.resolve(): item for item in project.items(ItemKind.FACES)}
    for identity, path in settings.face_sets:
        if item := items.get(path):
            locked = [face for owner, _, face in chosen if owner == identity]
            pinned = pinned_faces.of(item)
            every = tuple(sorted({*_spread(path, _OFFERED), *locked, *pinned}))
            yield OfferedFaces(identity, item.id, every, frozenset(locked), frozenset(pinned))


def _spread(faces: Path, count: int) -> list[str]:
    """Return the names of evenly spread faces of a face set; a rejected face has no picture."""
    names = sorted(crop_names(faces))
    indices = np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int)
    return [names[index] for index in indices]
