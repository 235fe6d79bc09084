"""The studio's ASGI application: all pages, static files and security."""

from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from faceloom.errors import FaceloomError
from faceloom.studio.pages import ROUTES
from faceloom.studio.studio import Studio
from faceloom.studio.web.responses import error_handler, failure_handler, http_error_handler
from faceloom.studio.web.security import Security

_STATIC = Path(str(files("faceloom.studio") / "static"))


def create_app(studio: Studio, token: str, cookie: str, hosts: tuple[str, ...] = ()) -> Starlette:
    """Build the application.

    Args:
        studio: The open project.
        token: The token of this start, see `Security`.
        cookie: Name of the cookie.
        hosts: Names of this machine beside its loopback names.

    Returns:
        The application.
    """
    pages = [route for routes in ROUTES for route in routes(studio)]
    on_error = error_handler(studio.project)
    return Starlette(
        routes=[*pages, *_static_routes()],
        middleware=[Middleware(Security, token=token, cookie=cookie, hosts=hosts)],
        exception_handlers={
            FaceloomError: on_error,
            OSError: on_error,
            HTTPException: http_error_handler(studio.project),
            Exception: failure_handler,
        },
    )


def _static_routes() -> list[BaseRoute]:
    def icon(_: Request) -> Response:
        return FileResponse(_STATIC / "shared/icon.svg")

    # Browsers ask for this address on pages that name no icon.
    return [Route("/favicon.ico", icon), Mount("/static", StaticFiles(directory=_STATIC))]
