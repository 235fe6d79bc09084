"""Trainings: the list with the form of a new one, and the page of a run while it trains."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.errors import UsageError
from faceloom.project.presets import ALL_PRESETS
from faceloom.studio.jobs.job import Job, JobRequest, JobState
from faceloom.studio.runs.metrics_reader import read_metrics
from faceloom.studio.runs.pinned_faces import PinnedFaces
from faceloom.studio.runs.preview_faces import SETTING as PREVIEW_FACES
from faceloom.studio.runs.preview_faces import offer_preview_faces
from faceloom.studio.runs.previews import list_previews, preview_path
from faceloom.studio.runs.run_description import RunDescription, describe_run
from faceloom.studio.runs.run_requests import (
    RANDOM_WEIGHTS,
    continue_request,
    export_request,
    train_request,
)
from faceloom.studio.runs.run_settings import MAX_VALUE_LENGTH, changes_to_arguments
from faceloom.studio.runs.run_state import JUDGED_EVALUATIONS, RunState, read_run_state
from faceloom.studio.runs.training_estimate import forecast_training
from faceloom.studio.runs.training_stack import export_advice, training_advice
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import Item, ItemKind
from faceloom.studio.web.responses import Body, in_thread, read_body
from faceloom.studio.web.templates import render

# Most steps of a run.
_MAX_STEPS = 10_000_000
# The stage of a training in which `done` is a step.
_TRAIN_STAGE = "train"

Steps = Annotated[int, Field(ge=1, le=_MAX_STEPS)]


class TrainForm(Body):
    """The form of a new training."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    """Name of the run."""
    target: str
    """Id of the face set of the person in the video."""
    source: str
    """Id of the face set of the person whose face is put in."""
    preset: Annotated[str, Field(min_length=1, max_length=100)]
    """The preset."""
    steps: Steps
    """Steps to train."""
    init_from: str = ""
    """Id of the run whose weights it starts from, or "none" for random weights; empty: the base
    of the preset."""


class ContinueForm(Body):
    """The form that continues a run."""

    steps: Steps
    """The step to train up to."""
    settings: dict[str, Annotated[str, Field(max_length=MAX_VALUE_LENGTH)]] = {}
    """New values of settings by key."""


class ExportForm(Body):
    """The form of an export."""

    identity: Annotated[str, Field(min_length=1, max_length=100)]
    """Whose face the bundle gives."""
    step: Annotated[str, Field(pattern=r"^(last|best|\d{1,8})$")]
    """The checkpoint."""
    name: Annotated[str, Field(min_length=1, max_length=100)]
    """Name of the bundle."""


@dataclass(frozen=True, slots=True)
class RunView:
    """What the page shows of a run at this moment."""

    run: Item
    """The run."""
    settings: RunDescription
    """What its settings say."""
    state: RunState
    """What its newest metrics say."""
    previews: tuple[int, ...]
    """Steps that have a preview sheet."""
    job: Job | None
    """The newest job that trains it."""
    step: int
    """The present step."""
    stage: str
    """What the running job does; empty while it trains, and without a running job."""
    seconds_left: float | None
    """Estimated time to the end; None if it is unknown or nothing trains."""

    @property
    def is_active(self) -> bool:
        """Whether a job trains the run or waits to do so."""
        return self.job is not None and not self.job.has_ended


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of trainings.

    Args:
        studio: The studio.
    """
    handlers = _RunHandlers(studio)
    return [
        Route("/runs", handlers.index),
        Route("/runs", handlers.train, methods=["POST"]),
        Route("/runs/forecast", handlers.forecast),
        Route("/runs/{run}", handlers.page),
        Route("/runs/{run}/status", handlers.status),
        Route("/runs/{run}/rows", handlers.rows),
        Route("/runs/{run}/previews/{step:int}", handlers.preview),
        Route("/runs/{run}/continue", handlers.resume, methods=["POST"]),
        Route("/runs/{run}/continue/command", handlers.command, methods=["POST"]),
        Route("/runs/{run}/export", handlers.export, methods=["POST"]),
    ]


class _RunHandlers:
    """The handlers of trainings."""

    def __init__(self, studio: Studio):
        self._studio = studio

    def _run_of(self, request: Request) -> Item:
        return self._studio.project.item(ItemKind.RUN, request.path_params["run"])

    def index(self, _: Request) -> Response:
        """Show all runs."""
        return render(
            "runs/runs.html.j2",
            page="runs",
            project=self._studio.project,
            runs=[_view(self._studio, run) for run in self._studio.project.items(ItemKind.RUN)],
            faces=self._studio.project.items(ItemKind.FACES),
            presets=ALL_PRESETS,
            random_weights=RANDOM_WEIGHTS,
            max_steps=_MAX_STEPS,
            training_advice=training_advice(),
        )

    def forecast(self, request: Request) -> Response:
        """Show what a training needs."""
        query = request.query_params
        planned = forecast_training(query.get("preset") or None, _whole(query, "steps"))
        return render("runs/run_forecast.html.j2", planned=planned)

    def page(self, request: Request) -> Response:
        """Show a run."""
        view = _view(self._studio, self._run_of(request))
        return render(
            "runs/run.html.j2",
            page="runs",
            project=self._studio.project,
            view=view,
            offered_faces=tuple(offer_preview_faces(self._studio.project, view.settings)),
            preview_setting=PREVIEW_FACES,
            max_steps=_MAX_STEPS,
            judged_evaluations=JUDGED_EVALUATIONS,
            training_advice=training_advice(),
            export_advice=export_advice(),
        )

    def status(self, request: Request) -> Response:
        """Show the state of a run, a part of its page."""
        return render(
            "runs/run_status.html.j2",
            view=_view(self._studio, self._run_of(request)),
            judged_evaluations=JUDGED_EVALUATIONS,
        )

    def rows(self, request: Request) -> Response:
        """Send the rows of a run's metrics after a position."""
        chunk = read_metrics(self._run_of(request).path, request.query_params.get("cursor", ""))
        return JSONResponse(
            {
                "rows": chunk.rows,
                "cursor": chunk.cursor,
                "restart": chunk.is_restart,
                "more": chunk.has_more,
            }
        )

    def preview(self, request: Request) -> Response:
        """Send a preview sheet."""
        path = preview_path(self._run_of(request).path, request.path_params["step"])
        return FileResponse(path, headers={"Cache-Control": "private, max-age=60"})

    async def train(self, request: Request) -> Response:
        """Add a new training to the queue."""
        form = await read_body(request, TrainForm)
        return await in_thread(lambda: _train(self._studio, form))

    async def resume(self, request: Request) -> Response:
        """Continue a run."""
        form = await read_body(request, ContinueForm)
        return await in_thread(lambda: _continue(self._studio, self._run_of(request), form))

    async def command(self, request: Request) -> Response:
        """Send the command that continues a run."""
        form = await read_body(request, ContinueForm)
        run = self._run_of(request)
        job = await in_thread(lambda: _continue_request(run, _readable_settings(run), form))
        return JSONResponse({"command": job.to_shell()})

    async def export(self, request: Request) -> Response:
        """Export a run."""
        form = await read_body(request, ExportForm)
        return await in_thread(lambda: _export(self._studio, self._run_of(request), form))


def _view(studio: Studio, run: Item) -> RunView:
    job = _newest_job(studio, run)
    state, settings = read_run_state(run.path), describe_run(run.path)
    step, stage = max(state.step, settings.saved_step), ""
    is_running = job is not None and job.state is JobState.RUNNING
    if job is not None and is_running:
        progress = studio.jobs.progress(job.number)
        if progress is not None and progress.stage == _TRAIN_STAGE:
            step = progress.done
        else:
            stage = progress.stage if progress else ""
    left = state.seconds_left(step, settings.total_steps) if is_running and not stage else None
    return RunView(
        run,
        settings,
        state,
        list_previews(run.path),
        job,
        step,
        stage,
        left,
    )


def _newest_job(studio: Studio, run: Item) -> Job | None:
    """Return the job that trains a run or waits to; else the last one that has trained it."""
    jobs = [
        job
        for job in studio.jobs.jobs()
        if job.request.artifact == str(run.path) and job.request.arguments[0] == "train"
    ]
    return max(jobs, key=lambda job: (not job.has_ended, job.number), default=None)


def _train(studio: Studio, form: TrainForm) -> Response:
    _check_installed(training_advice())
    if form.target == form.source:
        raise UsageError("Choose two different face sets: the target's and the source's.")
    # An unknown preset is refused here, before the job starts.
    forecast_training(form.preset, form.steps)
    project = studio.project
    init_from = form.init_from
    if init_from and init_from != RANDOM_WEIGHTS:
        init_from = str(project.item(ItemKind.RUN, init_from).path)
    faces = [project.item(ItemKind.FACES, each) for each in (form.target, form.source)]
    pinned_faces = PinnedFaces(project.folder)
    request = train_request(
        project,
        form.name,
        faces,
        preset=form.preset,
        steps=form.steps,
        init_from=init_from,
        preview_faces=[pinned_faces.of(item) for item in faces],
    )
    return _added(studio.jobs.add(request))


def _continue(studio: Studio, run: Item, form: ContinueForm) -> Response:
    _check_installed(training_advice())
    settings = _readable_settings(run)
    job = _newest_job(studio, run)
    # A paused training goes on with its own command, unless something else is asked for.
    is_same = form.steps == settings.total_steps and not form.settings
    if job is not None and job.state is JobState.STOPPED and is_same:
        studio.jobs.restart(job.number)
        return _added(job)
    return _added(studio.jobs.add(_continue_request(run, settings, form)))


def _continue_request(run: Item, settings: RunDescription, form: ContinueForm) -> JobRequest:
    changes = changes_to_arguments(settings.changeable, form.settings)
    return continue_request(run, form.steps, settings.saved_step, changes)


def _readable_settings(run: Item) -> RunDescription:
    settings = describe_run(run.path)
    if settings.problem:
        raise UsageError(settings.problem)
    return settings


def _export(studio: Studio, run: Item, form: ExportForm) -> Response:
    _check_installed(export_advice())
    settings = describe_run(run.path)
    if form.identity not in settings.identities:
        known = " or ".join(settings.identities)
        raise UsageError(f"{run.name} has no person {form.identity}; choose {known}.")
    request = export_request(studio.project, run, form.identity, form.step, form.name)
    return _added(studio.jobs.add(request))


def _check_installed(advice: str) -> None:
    if advice:
        raise UsageError(advice)


def _added(job: Job) -> Response:
    return JSONResponse({"job": job.number})


def _whole(query: QueryParams, name: str) -> int | None:
    """Return a query's whole number; None if it is not given."""
    text = query.get(name, "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > len(str(_MAX_STEPS)) or int(text) > _MAX_STEPS:
        raise UsageError(f"{name} must be a whole number from 0 to {_MAX_STEPS}.")
    return int(text)
