"""The presets of the swap page."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.studio.blend_presets import BlendPresets
from faceloom.studio.stills import SwapSettings
from faceloom.studio.studio import Studio
from faceloom.studio.web.responses import Body, in_thread, read_body


class PresetForm(Body):
    """A preset as the page names it."""

    name: Annotated[str, Field(max_length=60)]
    """Its name."""
    settings: SwapSettings = SwapSettings()
    """How faces are blended."""


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of the presets.

    Args:
        studio: The studio.
    """
    presets = BlendPresets(studio.project.folder)

    def listed(_: Request | None = None) -> Response:
        rows = [preset.model_dump(mode="json", exclude_defaults=True) for preset in presets.all()]
        return JSONResponse({"presets": rows})

    async def save(request: Request) -> Response:
        form = await read_body(request, PresetForm)
        await in_thread(lambda: presets.save(form.name, form.settings))
        return await in_thread(listed)

    async def delete(request: Request) -> Response:
        form = await read_body(request, PresetForm)
        await in_thread(lambda: presets.delete(form.name))
        return await in_thread(listed)

    return [
        Route("/presets", listed),
        Route("/presets/save", save, methods=["POST"]),
        Route("/presets/delete", delete, methods=["POST"]),
    ]
