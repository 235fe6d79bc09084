"""`presets.json` of a project: named options of the blend that the user saved."""

import threading
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceloom import __version__
from faceloom.atomic import write_text
from faceloom.errors import UsageError
from faceloom.json_documents import StrictModel, read_document, to_json
from faceloom.studio.conversion.swap_settings import SwapSettings

PRESETS_FILE = "presets.json"
SCHEMA: Literal[1] = 1
# Most presets of a project.
_MAX_PRESETS = 200
MAX_NAME_LENGTH = 60
"""Characters of the longest name."""


class BlendPreset(StrictModel):
    """Options of the blend with a name."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
    """Its name, unique in the project."""
    settings: SwapSettings
    """How faces are blended; `select` is always None."""


class PresetsFile(StrictModel):
    """`presets.json`."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    """Version of the format."""
    faceloom_version: str
    """Version of Faceloom that wrote the file."""
    presets: Annotated[tuple[BlendPreset, ...], Field(max_length=_MAX_PRESETS)] = ()
    """The presets in the order of their names."""


class BlendPresets:
    """The presets of a project. Every change is written at once; methods are thread-safe."""

    def __init__(self, folder: Path):
        """Remember where the presets are.

        Args:
            folder: The project's folder.
        """
        self._path = folder / PRESETS_FILE
        self._lock = threading.Lock()

    def all(self) -> tuple[BlendPreset, ...]:
        """Return the presets in the order of their names.

        Raises:
            ArtifactRefused: `presets.json` is damaged or has another schema.
        """
        if not self._path.exists():
            return ()
        return read_document(self._path, PresetsFile, SCHEMA, "presets").presets

    def save(self, name: str, settings: SwapSettings) -> None:
        """Save settings; a preset of the same name is replaced.

        Args:
            name: Its name; spaces at its ends are ignored.
            settings: How faces are blended.

        Raises:
            UsageError: The name is empty, or there are too many presets.
            ArtifactRefused: As `all`.
        """
        name = name.strip()
        if not name or not name.isprintable():
            raise UsageError("The preset has no name; enter one.")
        preset = BlendPreset(name=name, settings=settings.model_copy(update={"select": None}))
        with self._lock:
            others = [other for other in self.all() if other.name != name]
            if len(others) >= _MAX_PRESETS:
                raise UsageError(f"A project has {_MAX_PRESETS} presets at most; delete one.")
            self._write((*others, preset))

    def delete(self, name: str) -> None:
        """Delete a preset; one that does not exist is ignored.

        Args:
            name: Its name.

        Raises:
            ArtifactRefused: As `all`.
        """
        with self._lock:
            self._write(tuple(other for other in self.all() if other.name != name))

    def _write(self, presets: tuple[BlendPreset, ...]) -> None:
        in_order = sorted(presets, key=lambda preset: (preset.name.casefold(), preset.name))
        file = PresetsFile(faceloom_version=__version__, presets=tuple(in_order))
        write_text(self._path, to_json(file))
