"""The demo in a project: its videos, and the jobs that make a swap of them."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceloom.atomic import atomic_file
from faceloom.demo import PRESET, SOURCE, STEPS, TARGET, sample_clip
from faceloom.errors import UsageError
from faceloom.output_lock import lock_output
from faceloom.project.step import OnExisting
from faceloom.studio.extract_command import extract_request
from faceloom.studio.jobs.job import Job, JobRequest, JobState
from faceloom.studio.jobs.job_queue import JobQueue
from faceloom.studio.results.judgment import compare_request, judgment_path
from faceloom.studio.runs.run_requests import export_request, train_job
from faceloom.studio.studio_project import Item, ItemKind, StudioProject, item_id

# Name of the demo's project in the home folder, where the user sees it and browsers may read it.
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
    left: tuple[JobRequest, ...]
    """The jobs whose artifact is not there yet, in their order."""
    current: Job | None
    """The demo's job that runs or is the next to run; None if none waits or runs."""
    problem: str
    """Why a job of the demo failed or was stopped, if `left` needs it again; else empty."""
    run: Item | None
    """The demo's run, once it trains."""
    swap: Item | None
    """The demo's swap, once it is there."""


def create_demo_project() -> Path:
    """Create the project that a first start shows, with the demo's videos.

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
        UsageError: Its folder has another video of such a name.
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
        return DemoState(_is_empty(project), False, 0, (), None, "", None, None)
    steps = _steps(project)
    left = [request() for artifact, request in steps if not _is_made(project, artifact)]
    open_ = [job for request in left if (job := _newest_job(queue, request)) and not job.has_ended]
    run, swap = _run_and_swap(project)
    return DemoState(
        False,
        True,
        len(steps),
        tuple(left),
        min(open_, key=lambda job: job.state is not JobState.RUNNING, default=None),
        "" if open_ else _problem(queue, left),
        run if run in project.items(ItemKind.RUN) else None,
        swap if swap.path.is_file() else None,
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
    for request in state.left:
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
    """Return the artifact of each job in order, and what makes its request."""
    faces = {person: _item(project, ItemKind.FACES, person).path for person in (TARGET, SOURCE)}
    run, swap = _run_and_swap(project)
    bundle = project.new_path(ItemKind.BUNDLE, f"{_NAME}.bundle")
    target = _item(project, ItemKind.CLIP, _TARGET_CLIP.name).path
    source = Item(ItemKind.FACES, item_id(faces[SOURCE]), SOURCE, faces[SOURCE])
    return (
        (faces[SOURCE], lambda: _extract(project, SOURCE)),
        (faces[TARGET], lambda: _extract(project, TARGET)),
        (run.path, lambda: train_job(run.path, faces, preset=PRESET, steps=STEPS)),
        (bundle, lambda: export_request(project, run, SOURCE, "last", _NAME)),
        (swap.path, lambda: _convert(target, bundle, swap.path)),
        (judgment_path(swap.path), lambda: compare_request(swap, target, source)),
    )


def _extract(project: StudioProject, person: str) -> JobRequest:
    clips = [_item(project, ItemKind.CLIP, clip.name) for clip in _FOOTAGE[person]]
    return extract_request(project, person, clips, every=1, add=False)


def _convert(target: Path, bundle: Path, out: Path) -> JobRequest:
    return JobRequest(
        title=f"Swap {target.name} with {bundle.stem}",
        arguments=("convert", str(target), "--bundle", str(bundle), "--out", str(out)),
        artifact=str(out),
        on_existing=OnExisting.RESUME,
    )


def _is_made(project: StudioProject, artifact: Path) -> bool:
    """Return whether a job's artifact is complete: a run is once its bundle is exported."""
    run = project.new_path(ItemKind.RUN, _NAME)
    if artifact == run:
        artifact = project.new_path(ItemKind.BUNDLE, f"{_NAME}.bundle")
    return artifact.exists()


def _newest_job(queue: JobQueue, request: JobRequest) -> Job | None:
    jobs = [job for job in queue.jobs() if job.request.artifact == request.artifact]
    return max(jobs, key=lambda job: job.number, default=None)


def _problem(queue: JobQueue, left: Sequence[JobRequest]) -> str:
    """Return the sentence of the first job that ended without its artifact."""
    for request in left:
        job = _newest_job(queue, request)
        if job is not None and job.state in (JobState.FAILED, JobState.STOPPED):
            return f"{job.request.title}: {job.sentence or job.state}"
    return ""
