"""The pinned faces of a face set, which preview sheets show."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.studio.faces.crop_files import FaceName
from faceloom.studio.runs.pinned_faces import PinnedFaces
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import Item, ItemKind
from faceloom.studio.web.responses import Body, in_thread, read_body


class PinForm(Body):
    """Faces to pin or to release."""

    names: Annotated[tuple[FaceName, ...], Field(min_length=1)]
    """Their names."""
    pinned: bool
    """Whether to pin them; otherwise they are released."""


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of pinned faces.

    Args:
        studio: The studio.
    """
    pinned_faces = PinnedFaces(studio.project.folder)

    def item_of(request: Request) -> Item:
        return studio.project.item(ItemKind.FACES, request.path_params["id"])

    def show(request: Request) -> Response:
        return JSONResponse({"names": pinned_faces.of(item_of(request))})

    async def pin(request: Request) -> Response:
        form, item = await read_body(request, PinForm), item_of(request)
        names = await in_thread(lambda: pinned_faces.pin(item, form.names, pinned=form.pinned))
        return JSONResponse({"names": names})

    return [
        Route("/faces/{id}/pinned", show),
        Route("/faces/{id}/pinned", pin, methods=["POST"]),
    ]
