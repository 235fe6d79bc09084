"""The demo in a project: its videos, and the jobs that make a swap of them."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceloom.atomic import atomic_file
from faceloom.demo import PRESET, SOURCE, STEPS, TARGET, sample_clip
from faceloom.errors import UsageError
from faceloom.output_lock import lock_output
from faceloom.studio.conversion.convert_command import convert_job
from faceloom.studio.extract_command import extract_request
from faceloom.studio.jobs.job import Job, JobRequest, JobState
from faceloom.studio.jobs.job_queue import JobQueue
from faceloom.studio.results.judgment import compare_request, judgment_path
from faceloom.studio.runs.run_requests import export_request, train_job
from faceloom.studio.studio_project import Item, ItemKind, StudioProject, item_id
from faceloom.swap import SwapRequest

# Name of the demo's project in the home folder: visible, since browsers in a sandbox read no hidden
# folder.
_FOLDER = "faceloom-demo"
# Name of the run, of the bundle and of the swap.
_NAME = f"{SOURCE}-on-{TARGET}"
_FOOTAGE = {
    SOURCE: (sample_clip("train", SOURCE),),
    TARGET: (sample_clip("target", TARGET), sample_clip("train", TARGET)),
}
# The video whose face is replaced.
_TARGET_CLIP = sample_clip("target", TARGET)


@dataclass(frozen=True, slots=True)
class DemoState:
    """How far the demo of a project is."""

    is_offered: bool
    """Whether the project is empty, so that the demo's videos can be added to it."""
    has_clips: bool
    """Whether the project has the demo's videos."""
    count: int
    """Number of the demo's jobs."""
    remaining: tuple[JobRequest, ...]
    """The jobs whose artifact does not exist yet, in their order."""
    current: Job | None
    """The demo's job that runs or is the next to run; None if none waits or runs."""
    problem: str
    """Why one of the remaining jobs failed or was stopped; empty if none did or one is not over."""
    run: Item | None
    """The demo's run; None until its training starts."""
    swap: Item | None
    """The demo's swap; None until it is converted."""


def create_demo_project() -> Path:
    """Create the project that the first start opens, with the demo's videos.

    Returns:
        Its folder, `faceloom-demo` in the user's home folder; an existing one stays as it is.

    Raises:
        UsageError: The user has no home folder, the folder has other files, or another process
            works in it.
    """
    try:
        folder = Path.home() / _FOLDER
    except RuntimeError:
        # A user ID without an entry in the user database, as in containers.
        raise UsageError(
            "This user has no home folder; name the project's folder: faceloom studio DIR."
        ) from None
    with lock_output(folder):
        project = StudioProject.open(folder)
        if _is_empty(project):
            add_demo_clips(project)
    return folder


def add_demo_clips(project: StudioProject) -> None:
    """Copy the demo's videos to a project.

    Args:
        project: The project.

    Raises:
        UsageError: The project has another video with the name of one of them.
    """
    for clip in _clips():
        path = project.new_path(ItemKind.CLIP, clip.name)
        if not path.exists():
            with atomic_file(path) as part:
                shutil.copyfile(clip, part)
        elif path.stat().st_size != clip.stat().st_size:
            raise UsageError(
                f"{path} is another video than the demo's; open the demo in a new project."
            )
        project.open_path(path)


def read_demo_state(project: StudioProject, queue: JobQueue) -> DemoState:
    """Return how far the demo of a project is.

    Args:
        project: The project.
        queue: Its jobs.
    """
    clips = {item.path for item in project.items(ItemKind.CLIP)}
    has_clips = all(project.new_path(ItemKind.CLIP, clip.name) in clips for clip in _clips())
    if not has_clips:
        return DemoState(
            is_offered=_is_empty(project),
            has_clips=False,
            count=0,
            remaining=(),
            current=None,
            problem="",
            run=None,
            swap=None,
        )
    steps = _steps(project)
    remaining = [request() for artifact, request in steps if not _is_made(project, artifact)]
    newest = [_newest_job(queue, request) for request in remaining]
    open_jobs = [job for job in newest if job is not None and not job.has_ended]
    run, swap = _run_and_swap(project)
    return DemoState(
        is_offered=False,
        has_clips=True,
        count=len(steps),
        remaining=tuple(remaining),
        current=min(open_jobs, key=lambda job: job.state is not JobState.RUNNING, default=None),
        problem="" if open_jobs else _problem(newest),
        run=run if run in project.items(ItemKind.RUN) else None,
        swap=swap if swap.path.is_file() else None,
    )


def queue_demo(project: StudioProject, queue: JobQueue) -> None:
    """Add the demo's jobs to the queue; those that were stopped or failed continue.

    Args:
        project: The project, which has the demo's videos.
        queue: Its jobs.

    Raises:
        UsageError: The project lacks the demo's videos.
    """
    state = read_demo_state(project, queue)
    if not state.has_clips:
        raise UsageError("This project does not have the demo's videos; add them first.")
    for request in state.remaining:
        job = _newest_job(queue, request)
        if job is None or job.state is JobState.DONE:
            queue.add(request)
        elif job.has_ended:
            queue.restart(job.number)


def _clips() -> tuple[Path, ...]:
    return tuple(clip for clips in _FOOTAGE.values() for clip in clips)


def _is_empty(project: StudioProject) -> bool:
    return not any(project.items(kind) for kind in ItemKind)


def _item(project: StudioProject, kind: ItemKind, name: str) -> Item:
    path = project.new_path(kind, name)
    return Item(kind, item_id(path), path.stem, path)


def _run_and_swap(project: StudioProject) -> tuple[Item, Item]:
    return _item(project, ItemKind.RUN, _NAME), _item(project, ItemKind.SWAP, f"{_NAME}.mp4")


def _steps(project: StudioProject) -> Sequence[tuple[Path, Callable[[], JobRequest]]]:
    """Return the artifact of each job in order, and a function that makes its request."""
    faces = {person: project.new_path(ItemKind.FACES, person) for person in (TARGET, SOURCE)}
    run, swap = _run_and_swap(project)
    bundle = project.new_path(ItemKind.BUNDLE, f"{_NAME}.bundle")
    target = project.new_path(ItemKind.CLIP, _TARGET_CLIP.name)
    source = _item(project, ItemKind.FACES, SOURCE)
    return (
        (faces[SOURCE], lambda: _extract(project, SOURCE)),
        (faces[TARGET], lambda: _extract(project, TARGET)),
        (run.path, lambda: train_job(run.path, faces, preset=PRESET, steps=STEPS)),
        (bundle, lambda: export_request(project, run, SOURCE, "last", _NAME)),
        (swap.path, lambda: convert_job(target, SwapRequest(bundle=bundle), swap.path)),
        (judgment_path(swap.path), lambda: compare_request(swap, target, source)),
    )


def _extract(project: StudioProject, person: str) -> JobRequest:
    clips = [_item(project, ItemKind.CLIP, clip.name) for clip in _FOOTAGE[person]]
    return extract_request(project, person, clips, every=1, add=False)


def _is_made(project: StudioProject, artifact: Path) -> bool:
    """Return whether a job's artifact is complete; a run is complete if its bundle exists."""
    run = project.new_path(ItemKind.RUN, _NAME)
    if artifact == run:
        artifact = project.new_path(ItemKind.BUNDLE, f"{_NAME}.bundle")
    return artifact.exists()


def _newest_job(queue: JobQueue, request: JobRequest) -> Job | None:
    jobs = [job for job in queue.jobs() if job.request.artifact == request.artifact]
    return max(jobs, key=lambda job: job.number, default=None)


def _problem(newest: Sequence[Job | None]) -> str:
    """Return the sentence of the first job that failed or was stopped; empty if none did."""
    for job in newest:
        if job is not None and job.state in (JobState.FAILED, JobState.STOPPED):
            return f"{job.request.title}: {job.sentence or job.state}"
    return ""
