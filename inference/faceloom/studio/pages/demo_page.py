"""The demo: its panel on the page of the project, its videos, and its jobs."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.errors import UsageError
from faceloom.studio.demo_project import add_demo_clips, queue_demo, read_demo_state
from faceloom.studio.runs.training_stack import demo_advice
from faceloom.studio.studio import Studio
from faceloom.studio.web.responses import in_thread
from faceloom.studio.web.templates import render


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of the demo.

    Args:
        studio: The studio.
    """

    def panel(_: Request) -> Response:
        demo = read_demo_state(studio.project, studio.jobs)
        return render("demo.html.j2", demo=demo, advice=demo_advice())

    async def add_clips(_: Request) -> Response:
        await in_thread(lambda: add_demo_clips(studio.project))
        return JSONResponse({})

    async def start(_: Request) -> Response:
        await in_thread(lambda: _start(studio))
        return JSONResponse({})

    return [
        Route("/demo", panel),
        Route("/demo/clips", add_clips, methods=["POST"]),
        Route("/demo/start", start, methods=["POST"]),
    ]


def _start(studio: Studio) -> None:
    if advice := demo_advice():
        raise UsageError(advice)
    queue_demo(studio.project, studio.jobs)
