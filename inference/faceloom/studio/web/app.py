"""The studio's ASGI application: all pages, static files and security."""

from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from faceloom.errors import FaceloomError
from faceloom.studio.pages import ROUTES
from faceloom.studio.studio import Studio
from faceloom.studio.web.responses import refuse_error
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
    return Starlette(
        routes=[*pages, Mount("/static", StaticFiles(directory=_STATIC))],
        middleware=[Middleware(Security, token=token, cookie=cookie, hosts=hosts)],
        exception_handlers={FaceloomError: refuse_error},
    )
