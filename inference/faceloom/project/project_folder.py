"""The folder of a project: its layout, its file, and the state of its steps.

project.json      decisions and completed steps
faces/NAME        face sets
people/           a sheet with the people of the footage and a picture of each
review-*.html     what the footage of a target covers and lacks
runs/NAME         trainings
bundles/          exported networks
preview-*.png     a few frames of a swap
compare-*.html    the comparison of a swap
log.txt           what the commands printed
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faceloom import __version__
from faceloom.atomic import hidden_sibling, write_text
from faceloom.errors import UsageError
from faceloom.json_documents import read_document, to_json
from faceloom.output_lock import lock_output
from faceloom.project.child_process import child_record, end_orphan
from faceloom.project.project_file import (
    SCHEMA,
    ProjectFile,
    StepRecord,
    SwapChoices,
)

# The file that makes a folder a project.
PROJECT_FILE = "project.json"
# What to do with a project of an older schema.
_OTHER_SCHEMA = (
    "choose another --project; its face sets, runs and bundles stay usable with the single commands"
)


class Project:
    """A project's folder and the content of its file, which is written at each change."""

    def __init__(self, folder: Path, file: ProjectFile):
        self.folder = folder
        """The folder."""
        self._file = file

    @classmethod
    def read(cls, folder: Path) -> "Project":
        """Read a project; a folder that does not exist or is empty is a new one.

        Args:
            folder: The folder.

        Raises:
            UsageError: The folder contains other files.
            ArtifactRefused: `project.json` is damaged or has another schema.
        """
        path = folder / PROJECT_FILE
        if path.is_file():
            return cls(folder, read_document(path, ProjectFile, SCHEMA, "project", _OTHER_SCHEMA))
        if folder.exists() and (not folder.is_dir() or _other_files(folder)):
            raise UsageError(
                f"{folder} exists and is not a project (it has no {PROJECT_FILE}); choose another "
                "folder with --project."
            )
        return cls(folder, ProjectFile(faceloom_version=__version__))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Let one process at a time work in the project.

        Commands that a killed swap has left running are ended first.

        Yields:
            Nothing.

        Raises:
            UsageError: Another process works in the project.
        """
        with lock_output(self.folder):
            self._file = Project.read(self.folder)._file
            self._end_orphan()
            yield

    @property
    def people(self) -> Path:
        """Folder with the pictures of the people in the footage."""
        return self.folder / "people"

    @property
    def log(self) -> Path:
        """File with what the commands printed."""
        return self.folder / "log.txt"

    def faces(self, name: str) -> Path:
        """Return the path of a face set.

        Args:
            name: Name of the identity.
        """
        return self.folder / "faces" / name

    def run(self, name: str) -> Path:
        """Return the path of a run.

        Args:
            name: Name of the run.
        """
        return self.folder / "runs" / name

    def trained_steps(self, name: str) -> int:
        """Return the step that a run has reached: that of its newest checkpoint; 0 if it has none.

        Args:
            name: Name of the run.
        """
        folders = (self.run(name) / "checkpoints").glob("step-*")
        numbers = (path.name.removeprefix("step-") for path in folders)
        return max((int(number) for number in numbers if number.isdecimal()), default=0)

    def bundle(self, name: str) -> Path:
        """Return the path of a bundle.

        Args:
            name: Name of the run.
        """
        return self.folder / "bundles" / f"{name}.bundle"

    def step_name(self, artifact: Path) -> str:
        """Return the name that `project.json` has for an artifact.

        Args:
            artifact: Its path.
        """
        path, folder = artifact.resolve(), self.folder.resolve()
        return str(path.relative_to(folder) if path.is_relative_to(folder) else path)

    def step(self, artifact: Path) -> StepRecord | None:
        """Return the state of a step; None if it was never started.

        Args:
            artifact: Path of the step's artifact.
        """
        return self._file.steps.get(self.step_name(artifact))

    def steps(self) -> dict[str, StepRecord]:
        """Return the state of all steps by name."""
        return dict(self._file.steps)

    def record_step(self, artifact: Path, record: StepRecord) -> None:
        """Write the state of a step.

        Args:
            artifact: Path of the step's artifact.
            record: Its state.
        """
        self._update(steps={**self._file.steps, self.step_name(artifact): record})

    def choices(self, key: str) -> SwapChoices | None:
        """Return what was decided for some settings; None if nothing was.

        Args:
            key: Checksum of the settings.
        """
        return self._file.choices.get(key)

    def all_choices(self) -> tuple[SwapChoices, ...]:
        """Return the decisions for all settings, the newest last."""
        return tuple(self._file.choices.values())

    def record_choices(self, key: str, choices: SwapChoices) -> None:
        """Write what was decided.

        Args:
            key: Checksum of the settings.
            choices: The decisions.
        """
        self._update(choices={**self._file.choices, key: choices})

    def face_set_name(self, name: str, footage: str) -> str:
        """Return a free name for a face set, or the name that its footage has already.

        Args:
            name: The wished name.
            footage: Checksum of the footage and of how it is used.
        """
        number, chosen = 1, name
        while self._file.face_sets.get(chosen, footage) != footage:
            number += 1
            chosen = f"{name}-{number}"
        return chosen

    def record_face_set(self, name: str, footage: str) -> None:
        """Reserve the name of a face set.

        Args:
            name: The name.
            footage: Checksum of the footage.
        """
        self._update(face_sets={**self._file.face_sets, name: footage})

    def record_child(self, pid: int | None) -> None:
        """Write which process runs a step, so that it can be ended if this one is killed.

        Args:
            pid: Its process number; None when it has ended.
        """
        self._update(child=None if pid is None else child_record(pid))

    def _end_orphan(self) -> None:
        """End the command that a killed swap has left running, with its own processes."""
        if self._file.child is not None:
            end_orphan(self._file.child)
            self._update(child=None)

    def _update(self, **changes: Any) -> None:
        self._file = self._file.model_copy(update={**changes, "faceloom_version": __version__})
        write_text(self.folder / PROJECT_FILE, to_json(self._file))


def _other_files(folder: Path) -> bool:
    """Return whether a folder without a project file contains what no killed swap leaves."""
    own = (".lock", "people", hidden_sibling(folder / PROJECT_FILE, "part").name)
    return any(path.name not in own for path in folder.iterdir())
