"""`pinned_faces.json` of a project: faces that the preview sheets of trainings show."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceloom.atomic import write_text
from faceloom.errors import UsageError
from faceloom.json_documents import StrictModel, read_document, to_json
from faceloom.studio.faces.crop_files import FaceName, crop_path, has_crop
from faceloom.studio.studio_project import Item

SCHEMA: Literal[1] = 1
# Name of the file in a project's folder.
_FILE = "pinned_faces.json"
# Most pinned faces of a face set: a sheet shows 48 faces of two people.
_MAX_FACES = 24


class PinnedFacesFile(StrictModel):
    """`pinned_faces.json`."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    """Version of the format."""
    faces: dict[str, tuple[FaceName, ...]] = {}
    """Names of faces, by the id of the face set."""


class PinnedFaces:
    """The pinned faces of a project. Every change is written at once; methods are thread-safe."""

    def __init__(self, project: Path):
        """Remember where the file is.

        Args:
            project: The project's folder.
        """
        self._path = project / _FILE
        self._lock = threading.Lock()

    def of(self, faces: Item) -> tuple[str, ...]:
        """Return the pinned faces of a face set, without rejected ones.

        Args:
            faces: The face set.

        Raises:
            ArtifactRefused: The file is damaged.
        """
        names = self._read().faces.get(faces.id, ())
        return tuple(name for name in names if has_crop(faces.path, name))

    def pin(self, faces: Item, names: Sequence[str], *, pinned: bool) -> tuple[str, ...]:
        """Pin faces, or release them.

        Args:
            faces: The face set.
            names: Names of its faces.
            pinned: Whether to pin them; otherwise they are released.

        Returns:
            All pinned faces of the face set.

        Raises:
            UsageError: The face set has no such face, or too many faces are pinned.
            ArtifactRefused: The file is damaged.
        """
        for name in names:
            crop_path(faces.path, name)
        with self._lock:
            others = [name for name in self.of(faces) if name not in names]
            after = tuple(sorted({*others, *names} if pinned else others))
            if len(after) > _MAX_FACES:
                raise UsageError(
                    f"Previews show at most {_MAX_FACES} chosen faces of a person; choose fewer, "
                    "or release some with the same button."
                )
            file = self._read()
            changed = file.model_copy(update={"faces": {**file.faces, faces.id: after}})
            write_text(self._path, to_json(changed))
        return after

    def _read(self) -> PinnedFacesFile:
        if not self._path.exists():
            return PinnedFacesFile()
        return read_document(self._path, PinnedFacesFile, SCHEMA, "file of pinned faces")
