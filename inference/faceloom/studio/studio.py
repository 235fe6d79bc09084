"""What the pages of a running studio share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faceloom.output_lock import lock_output
from faceloom.studio.conversion.conversion_estimate import ConversionEstimator
from faceloom.studio.jobs.job_queue import JobQueue
from faceloom.studio.jobs.job_runner import JobRunner
from faceloom.studio.known_projects import is_known, remember
from faceloom.studio.people.clip_people import ClipPeople
from faceloom.studio.private_files import remove_files_of_removed_items
from faceloom.studio.scans.clip_scanner import ClipScanner
from faceloom.studio.studio_project import StudioProject


@dataclass(frozen=True, slots=True)
class Studio:
    """An open project with its queue."""

    project: StudioProject
    """The project."""
    jobs: JobQueue
    """The jobs of the project."""
    runner: JobRunner
    """What runs them."""
    roots: tuple[Path, ...]
    """Folders that the path picker shows, with all that they contain."""
    people: ClipPeople
    """The people of the clips."""
    estimator: ConversionEstimator
    """Estimates conversions before they start."""
    scanner: ClipScanner
    """Scans the clips for faces and cuts."""

    @property
    def readable_roots(self) -> tuple[Path, ...]:
        """Folders whose pictures a page may name: those of the picker, and the project's."""
        return (*self.roots, self.project.folder.resolve())


@contextmanager
def open_studio(folder: Path, roots: tuple[Path, ...]) -> Iterator[Studio]:
    """Open a project and run its jobs inside the block.

    A folder from elsewhere may contain jobs with any command, so its jobs wait until the user
    continues the queue.

    Args:
        folder: The project's folder.
        roots: Folders that the path picker shows.

    Yields:
        The studio.

    Raises:
        UsageError: The folder cannot be used, or another process works in it.
        ArtifactRefused: A file of the project is damaged.
    """
    with lock_output(folder):
        project = StudioProject.open(folder)
        remove_files_of_removed_items(project)
        queue = JobQueue(project.folder / "jobs")
        runner = JobRunner(queue)
        is_foreign = not (is_known(project.folder) or all(job.has_ended for job in queue.jobs()))
        runner.start(paused=is_foreign)
        if not is_foreign:
            remember(project.folder)
        people, estimator = ClipPeople(project.folder), ConversionEstimator()
        scanner = ClipScanner(project.folder)
        try:
            resolved = tuple(root.resolve() for root in roots)
            yield Studio(project, queue, runner, resolved, people, estimator, scanner)
        finally:
            scanner.close()
            estimator.close()
            people.close()
            runner.close()
