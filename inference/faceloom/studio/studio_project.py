"""A project's folder as the studio shows it: clips, face sets, runs, bundles and swaps by id.

studio.json     clips, and artifacts outside the folder
presets.json    settings of the blend by name
pinned_faces.json   faces that preview sheets show
clips/          uploaded videos
people/         portraits of the people of each clip
faces/NAME      face sets
runs/NAME       trainings
bundles/        exported networks
swaps/          converted videos, with comparisons, records of the originals, and for conversions
                with sections the job files and their reports
sections/       the sections of each clip, see `swap_sections`
jobs/           the queue
.studio/        reviews of face sets, edits of corrections for undo, scans of clips, and the file
                that opens the page in the browser

A folder that `faceloom swap --project` made has the same layout and can be opened.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from faceloom import __version__
from faceloom.artifact_kind import Kind, identify_kind
from faceloom.atomic import write_text
from faceloom.errors import UsageError
from faceloom.hashing import sha256_of
from faceloom.json_documents import read_document, to_json, utf8_text
from faceloom.studio.studio_file import SCHEMA, Paths, StudioFile

STUDIO_FILE = "studio.json"
PRIVATE_FOLDER = ".studio"
"""Folder of a project for files that only the studio reads."""
# Characters of an id: 48 bits, so that two of thousands of paths do not share one.
_ID_LENGTH = 12
# Bytes of a new file's name: file systems take 255, and temporary files add to it.
_MAX_NAME_BYTES = 200


class ItemKind(StrEnum):
    """What an item of a project is."""

    CLIP = "clip"
    """A video to take faces from or to convert."""
    FACES = "faces"
    """A face set."""
    RUN = "run"
    """A training."""
    BUNDLE = "bundle"
    """An exported network."""
    SWAP = "swap"
    """A converted video."""


_KINDS = {
    Kind.FACE_SET: ItemKind.FACES,
    Kind.RUN: ItemKind.RUN,
    Kind.BUNDLE: ItemKind.BUNDLE,
    Kind.VIDEO: ItemKind.CLIP,
    Kind.SWAPPED_VIDEO: ItemKind.CLIP,
}
# Where the project's folder holds the items of a kind. Clips come from `studio.json`.
_FOLDERS = {
    ItemKind.FACES: "faces",
    ItemKind.RUN: "runs",
    ItemKind.BUNDLE: "bundles",
    ItemKind.SWAP: "swaps",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One file or folder of a project."""

    kind: ItemKind
    """What it is."""
    id: str
    """How pages address it; a function of its path."""
    name: str
    """Its name for people."""
    path: Path
    """Its absolute path."""


class StudioProject:
    """A project's folder. Every change is written at once; all methods are thread-safe."""

    def __init__(self, folder: Path, file: StudioFile):
        self.folder = folder
        """The folder, an absolute path."""
        self._file = file
        self._kinds = {str(folder / name): kind for kind, name in _FOLDERS.items()}
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: Path) -> "StudioProject":
        """Open a project; a folder that does not exist or is empty becomes a new one.

        Args:
            folder: The folder.

        Raises:
            UsageError: The path is a file, or a folder with other files.
            ArtifactRefused: `studio.json` is damaged or has another schema.
        """
        folder = folder.absolute()
        path = folder / STUDIO_FILE
        if path.is_file():
            return cls(folder, read_document(path, StudioFile, SCHEMA, "studio project"))
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file; give the studio a folder.")
        if folder.exists() and not _may_become_project(folder):
            raise UsageError(
                f"{folder} contains other files and is not a project; give the studio an empty "
                "folder or one that does not exist."
            )
        project = cls(folder, StudioFile(faceloom_version=__version__))
        project._update("clips", lambda paths: paths)
        return project

    def items(self, kind: ItemKind) -> tuple[Item, ...]:
        """Return the items of a kind, in the order of their names; clips as they were added.

        Args:
            kind: The kind.
        """
        return tuple(_item(kind, path) for path in self._paths(kind))

    def listed_ids(self, kind: ItemKind) -> frozenset[str]:
        """Return the ids of all paths that may be items of a kind, whether or not they exist.

        Args:
            kind: The kind.
        """
        return frozenset(map(item_id, self._candidates(kind)))

    def item(self, kind: ItemKind, id_: str) -> Item:
        """Return an item.

        Args:
            kind: Its kind.
            id_: Its id.

        Raises:
            UsageError: The project has no such item.
        """
        # Only this one is identified: that reads both ends of a video.
        candidates = (path for path in self._candidates(kind) if item_id(path) == id_)
        found = next((path for path in candidates if _is_of_kind(path, kind)), None)
        if found is None:
            raise UsageError(
                f"This project has no {kind} with the id {id_[:_ID_LENGTH]!r}; it was moved or "
                "deleted. Open the page of the project again."
            )
        return _item(kind, found)

    def open_path(self, path: Path) -> Item:
        """Add a video, face set, run or bundle that exists already; one that is known stays once.

        Args:
            path: Its path.

        Returns:
            The item.

        Raises:
            UsageError: The path is none of them.
        """
        path = path.resolve()
        name = utf8_text(str(path))
        kind = _KINDS.get(identify_kind(path))
        if kind is None:
            raise UsageError(
                f"{path} is {identify_kind(path)}; add a video, a face set, a run or a bundle."
            )
        if path not in self._candidates(kind):
            field = "clips" if kind is ItemKind.CLIP else "opened"
            self._update(field, lambda paths: tuple(dict.fromkeys((*paths, name))))
        return _item(kind, path)

    def remove_path(self, item: Item) -> None:
        """Take an item off the lists of `studio.json`; its file stays.

        Args:
            item: A clip, or an artifact outside the project's folder.
        """
        name = str(item.path)
        for field in ("clips", "opened"):
            self._update(field, lambda paths: tuple(path for path in paths if path != name))

    def new_path(self, kind: ItemKind, name: str) -> Path:
        """Return the path of a new artifact.

        Args:
            kind: What it becomes.
            name: Its file name, with an extension if it is a file.

        Raises:
            UsageError: The name is not a plain file name.
        """
        if not name or name.startswith(".") or Path(name).name != name or "\0" in name:
            raise UsageError(
                f"{name!r} is not a file name; use a name without slashes and without a dot at its "
                "start."
            )
        if len(os.fsencode(name)) > _MAX_NAME_BYTES:
            raise UsageError(f"The name {name[:40]}... is too long; use a shorter one.")
        return self.folder / _FOLDERS.get(kind, "clips") / name

    def kind_of_artifact(self, path: str) -> ItemKind | None:
        """Return the kind of an artifact by its folder, such as a run for `runs/NAME`.

        Args:
            path: An absolute path, which may not exist yet, or "".

        Returns:
            The kind; None if the path is directly in none of the project's folders.
        """
        # A `Path` would take most of the time of a long queue.
        return self._kinds.get(path.rpartition(os.sep)[0])

    def _paths(self, kind: ItemKind) -> tuple[Path, ...]:
        return tuple(path for path in self._candidates(kind) if _is_of_kind(path, kind))

    def _candidates(self, kind: ItemKind) -> tuple[Path, ...]:
        """Return the paths that may be items of a kind."""
        if kind is ItemKind.CLIP:
            return tuple(map(Path, self._file.clips))
        own = _visible(self.folder / _FOLDERS[kind])
        opened = () if kind is ItemKind.SWAP else map(Path, self._file.opened)
        return (*own, *opened)

    def _update(self, field: str, change: Callable[[Paths], Paths]) -> None:
        with self._lock:
            update = {field: change(getattr(self._file, field)), "faceloom_version": __version__}
            file = self._file.model_copy(update=update)
            self.folder.mkdir(parents=True, exist_ok=True)
            write_text(self.folder / STUDIO_FILE, to_json(file))
            self._file = file


def _is_of_kind(path: Path, kind: ItemKind) -> bool:
    found = _KINDS.get(identify_kind(path))
    return found is (ItemKind.CLIP if kind is ItemKind.SWAP else kind)


def _visible(folder: Path) -> Iterable[Path]:
    if not folder.is_dir():
        return ()
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _may_become_project(folder: Path) -> bool:
    """Return whether a folder is empty, or a project of `faceloom swap`."""
    return (folder / "project.json").is_file() or not any(_not_hidden(folder))


def _not_hidden(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if not path.name.startswith("."))


def _item(kind: ItemKind, path: Path) -> Item:
    name = path.stem if kind in (ItemKind.BUNDLE, ItemKind.SWAP) else path.name
    return Item(kind, item_id(path), utf8_text(name), path)


def item_id(path: Path) -> str:
    """Return the id of a path.

    Args:
        path: An absolute path.
    """
    return sha256_of(bytes(path))[:_ID_LENGTH]
