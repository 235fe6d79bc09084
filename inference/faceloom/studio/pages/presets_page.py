"""The presets of the swap page."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.studio.conversion.blend_presets import MAX_NAME_LENGTH, BlendPresets
from faceloom.studio.conversion.swap_settings import SwapSettings
from faceloom.studio.studio import Studio
from faceloom.studio.web.responses import Body, in_thread, read_body


class DeleteForm(Body):
    """The preset to delete."""

    name: Annotated[str, Field(max_length=MAX_NAME_LENGTH)]
    """Its name."""


class SaveForm(DeleteForm):
    """The preset to save."""

    settings: SwapSettings
    """How faces are blended."""


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of the presets.

    Args:
        studio: The studio.
    """
    presets = BlendPresets(studio.project.folder)

    def show(_: Request) -> Response:
        return _list(presets)

    async def save(request: Request) -> Response:
        form = await read_body(request, SaveForm)
        await in_thread(lambda: presets.save(form.name, form.settings))
        return await in_thread(lambda: _list(presets))

    async def delete(request: Request) -> Response:
        form = await read_body(request, DeleteForm)
        await in_thread(lambda: presets.delete(form.name))
        return await in_thread(lambda: _list(presets))

    return [
        Route("/presets", show),
        Route("/presets/save", save, methods=["POST"]),
        Route("/presets/delete", delete, methods=["POST"]),
    ]


def _list(presets: BlendPresets) -> Response:
    rows = [preset.model_dump(mode="json", exclude_defaults=True) for preset in presets.all()]
    return JSONResponse({"presets": rows})
