"""The project: its clips, people, trainings, bundles and swaps."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.studio.demo_project import read_demo_state
from faceloom.studio.extract_command import FrameInterval, extract_request
from faceloom.studio.jobs.job import JobState
from faceloom.studio.known_projects import list_projects
from faceloom.studio.pages.item_links import ITEM_PAGES
from faceloom.studio.private_files import remove_files_of_removed_items
from faceloom.studio.runs.training_stack import demo_advice
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import Item, ItemKind, StudioProject
from faceloom.studio.web.responses import Body, in_thread, read_body
from faceloom.studio.web.templates import render

# Most other projects that are listed.
_MAX_PROJECTS = 12


class ExtractForm(Body):
    """The form of an extraction."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    """Name of the person."""
    clips: tuple[str, ...]
    """Ids of the videos."""
    every: FrameInterval = 1
    """Every how many frames one is used."""
    add: bool = False
    """Whether faces are added to an existing face set."""


class ItemForm(Body):
    """An item of the project."""

    kind: ItemKind
    """Its kind."""
    id: str
    """Its id."""


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of the project's page.

    Args:
        studio: The studio.
    """
    project = studio.project

    def page(_: Request) -> Response:
        # Counted before the items are listed: a job that ends meanwhile makes the page load again.
        ended_jobs = sum(job.state is JobState.DONE for job in studio.jobs.jobs())
        items = {kind: project.items(kind) for kind in ItemKind}
        return render(
            "project.html.j2",
            page="project",
            project=project,
            items=items,
            ended_jobs=ended_jobs,
            links=ITEM_PAGES,
            demo=read_demo_state(project, studio.jobs),
            advice=demo_advice(),
            other_projects=_other_projects(project),
        )

    async def extract(request: Request) -> Response:
        form = await read_body(request, ExtractForm)
        return await in_thread(lambda: _extract(studio, form))

    async def remove(request: Request) -> Response:
        form = await read_body(request, ItemForm)
        await in_thread(lambda: _remove(project, project.item(form.kind, form.id)))
        return JSONResponse({})

    return [
        Route("/", page),
        Route("/extract", extract, methods=["POST"]),
        Route("/remove", remove, methods=["POST"]),
    ]


def _remove(project: StudioProject, item: Item) -> None:
    project.remove_path(item)
    remove_files_of_removed_items(project)


def _other_projects(project: StudioProject) -> tuple[Path, ...]:
    """Return other projects of this user, the last used one first."""
    others = (folder for folder in list_projects() if folder != project.folder)
    return tuple(islice(others, _MAX_PROJECTS))


def _extract(studio: Studio, form: ExtractForm) -> Response:
    clips = [studio.project.item(ItemKind.CLIP, clip) for clip in form.clips]
    request = extract_request(studio.project, form.name, clips, every=form.every, add=form.add)
    return JSONResponse({"job": studio.jobs.add(request).number})
