"""Render the studio's templates."""

import shlex

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from faceloom import __version__
from faceloom.studio.studio_project import ItemKind

_ENVIRONMENT = Environment(
    loader=PackageLoader("faceloom.studio"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals.update(version=__version__, ItemKind=ItemKind)
_ENVIRONMENT.filters["shell"] = lambda path: shlex.quote(str(path))


def render(template: str, status: int = 200, **context: object) -> HTMLResponse:
    """Render a template that extends `layout.html.j2`, or a part of a page.

    Every value is escaped; an undefined name is an error.

    Args:
        template: File name of the template.
        status: HTTP status.
        **context: Values for the template.

    Returns:
        The answer.
    """
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(**context), status)
