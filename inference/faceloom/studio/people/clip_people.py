"""The people of a clip: `faceloom extract --list-people` as a process beside the queue.

The search takes seconds, so it does not wait for the jobs of the queue. Its portraits are kept in
the project's folder `people/ID-OF-THE-CLIP`.
"""

import logging
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from faceloom.errors import ArtifactRefused, FaceloomError, UsageError
from faceloom.hashing import sha256_of
from faceloom.project.people_listing import ListedPerson, PeopleFile, read_people
from faceloom.project.step import file_signature
from faceloom.project.step_process import StepProcess
from faceloom.studio.studio_project import Item

log = logging.getLogger(__name__)

# Digits of the checksum that tells versions of a clip apart.
_CHECKSUM_DIGITS = 8


@dataclass(frozen=True, slots=True)
class PeopleSearch:
    """A search that runs or has failed."""

    clip: str
    """Id of the clip."""
    done: int = 0
    """Sampled frames."""
    total: int | None = None
    """Frames to sample; None if not known yet."""
    error: str = ""
    """Why it failed; empty while it runs."""


class ClipPeople:
    """Finds the people of clips, one clip at a time. Methods are thread-safe."""

    def __init__(self, project: Path):
        """Start without a search.

        Args:
            project: The project's folder.
        """
        self._folder = project / "people"
        # Guards the start of a search and of its command, and their end.
        self._lock = threading.Lock()
        self._search: PeopleSearch | None = None
        self._child: StepProcess | None = None
        self._is_ending = False
        self._version = 0

    @property
    def version(self) -> int:
        """A number that grows with each change."""
        return self._version

    @property
    def search(self) -> PeopleSearch | None:
        """The search that runs or has failed; None if there is none."""
        return self._search

    def folder_of(self, clip: Item) -> Path:
        """Return the folder of a clip's portraits, which may not exist.

        Args:
            clip: The clip.
        """
        signature = sha256_of(file_signature(clip.path).encode())[:_CHECKSUM_DIGITS]
        return self._folder / f"{clip.id}-{signature}"

    def people_of(self, clip: Item) -> PeopleFile | None:
        """Return the people of a clip; None before a search, and after a change of the clip.

        Args:
            clip: The clip.
        """
        try:
            return read_people(self.folder_of(clip))
        except ArtifactRefused:
            return None

    def portraits(self, clip: Item, number: int) -> tuple[Path, ...]:
        """Return the portraits of a person.

        Args:
            clip: The clip.
            number: The person's number.

        Raises:
            UsageError: The clip has no such person.
        """
        person = self._person(clip, number)
        return tuple(self.folder_of(clip) / name for name in person.portraits)

    def start(self, clip: Item) -> None:
        """Start a search in a thread.

        Args:
            clip: The clip.

        Raises:
            UsageError: A search runs already.
        """
        with self._lock:
            if self._search and not self._search.error:
                raise UsageError("A search for people runs already; wait until the search ends.")
            self._child, self._is_ending = None, False
            self._update(PeopleSearch(clip.id))
        threading.Thread(target=self._run, args=[clip], name="people", daemon=True).start()

    def close(self) -> None:
        """End the search that runs."""
        with self._lock:
            self._is_ending = True
            if self._child is not None:
                self._child.interrupt()

    def _person(self, clip: Item, number: int) -> ListedPerson:
        found = self.people_of(clip)
        for person in found.people if found else ():
            if person.number == number:
                return person
        raise UsageError(f"{clip.name} has no person {number}; find its people again.")

    def _run(self, clip: Item) -> None:
        try:
            self._run_command(clip)
            self._update(None)
        except (FaceloomError, OSError) as error:
            self._update(PeopleSearch(clip.id, error=str(error)))
        except Exception as error:
            log.exception("The search for people failed.")
            self._update(PeopleSearch(clip.id, error=f"The search failed ({error})."))

    def _run_command(self, clip: Item) -> None:
        folder = self.folder_of(clip)
        command = ("extract", str(clip.path), "--list-people", "--out", str(folder), "--force")
        with (
            tempfile.TemporaryDirectory() as logs,
            StepProcess.start(command, Path(logs) / "log.txt", lambda: None) as child,
        ):
            with self._lock:
                self._child = child
                if self._is_ending:
                    child.interrupt()
            for progress in child.progress():
                if progress and self._search:
                    done, total = progress.done, progress.total
                    self._update(replace(self._search, done=done, total=total))
            child.result()

    def _update(self, search: PeopleSearch | None) -> None:
        self._search = search
        self._version += 1
