"""The people of a clip: their portraits, and an extraction for each person that is named."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.errors import UsageError
from faceloom.studio.extract_command import FrameInterval, extract_request
from faceloom.studio.jobs.job import JobRequest
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import Item, ItemKind
from faceloom.studio.web.responses import Body, in_thread, read_body
from faceloom.studio.web.templates import render


class ChosenPerson(Body):
    """A person to extract."""

    number: Annotated[int, Field(ge=1)]
    """Number of the person in the clip."""
    name: Annotated[str, Field(max_length=100)]
    """Name of the person and of the face set."""


class PeopleForm(Body):
    """The form of the page."""

    people: Annotated[tuple[ChosenPerson, ...], Field(max_length=1000)]
    """The people to extract."""
    every: FrameInterval = 1
    """Every how many frames one is used."""
    add: bool = False
    """Whether faces are added to face sets that exist."""


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of the page.

    Args:
        studio: The studio.
    """
    project = studio.project

    def clip_of(request: Request) -> Item:
        return project.item(ItemKind.CLIP, request.path_params["clip"])

    def page(request: Request) -> Response:
        clip = clip_of(request)
        found = studio.people.people_of(clip)
        return render("people.html.j2", page="project", project=project, clip=clip, found=found)

    def portrait(request: Request) -> Response:
        paths = studio.people.portraits(clip_of(request), request.path_params["number"])
        return FileResponse(paths[0], headers={"Cache-Control": "private, no-cache"})

    def people_list(request: Request) -> Response:
        clip = clip_of(request)
        found = studio.people.people_of(clip)
        rows = [
            {
                "number": person.number,
                "pictures": [str(path) for path in studio.people.portraits(clip, person.number)],
            }
            for person in (found.people if found else ())
        ]
        return JSONResponse({"people": rows})

    def find(request: Request) -> Response:
        studio.people.start(clip_of(request))
        return JSONResponse({})

    async def extract(request: Request) -> Response:
        form = await read_body(request, PeopleForm)
        return await in_thread(lambda: _extract(studio, clip_of(request), form))

    return [
        Route("/people/{clip}", page),
        Route("/people/{clip}/list", people_list),
        Route("/people/{clip}/portrait/{number:int}", portrait),
        Route("/people/{clip}/find", find, methods=["POST"]),
        Route("/people/{clip}/extract", extract, methods=["POST"]),
    ]


def _extract(studio: Studio, clip: Item, form: PeopleForm) -> Response:
    """Add an extraction for each person; all names are checked before the first is added."""
    requests = [_request(studio, clip, form, person) for person in form.people]
    if not requests:
        raise UsageError("Choose at least one person.")
    outputs = [request.artifact for request in requests]
    twice = next((path for path in outputs if outputs.count(path) > 1), None)
    if twice:
        raise UsageError(f"Two people are named {Path(twice).name}; give each another name.")
    return JSONResponse({"jobs": [studio.jobs.add(request).number for request in requests]})


def _request(studio: Studio, clip: Item, form: PeopleForm, person: ChosenPerson) -> JobRequest:
    name = person.name.strip()
    if not name:
        raise UsageError(f"Person {person.number} has no name; enter one, or clear the checkbox.")
    references = studio.people.portraits(clip, person.number)
    return extract_request(studio.project, name, [clip], references, every=form.every, add=form.add)
