"""The estimate of the conversion panel on the swap page."""

from collections.abc import Hashable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.project.step import file_signature
from faceloom.studio.conversion.convert_command import (
    ConvertForm,
    check_conversion,
    convert_request,
    swap_request,
)
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import ItemKind
from faceloom.studio.web.responses import in_thread, read_body


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of the panel.

    Args:
        studio: The studio.
    """

    async def estimate(request: Request) -> Response:
        form = await read_body(request, ConvertForm)
        is_busy = bool(studio.jobs.running())
        sentence = await in_thread(lambda: _estimate(studio, form))
        return JSONResponse({"sentence": sentence, "is_busy": is_busy})

    return [Route("/swap/estimate", estimate, methods=["POST"])]


def _estimate(studio: Studio, form: ConvertForm) -> str:
    """Return the sentence of the command; it ignores sections."""
    check_conversion(studio, form)
    arguments = convert_request(studio, form).arguments
    return studio.estimator.estimate(arguments, _estimate_key(studio, form))


def _estimate_key(studio: Studio, form: ConvertForm) -> Hashable:
    """Return what an estimate depends on, without the output's name and the sections."""
    clip = studio.project.item(ItemKind.CLIP, form.clip).path
    inputs = (clip, *swap_request(studio, form).inputs)
    measured = form.model_copy(update={"name": "", "sections": ()})
    return measured.model_dump_json(), *map(file_signature, inputs)
