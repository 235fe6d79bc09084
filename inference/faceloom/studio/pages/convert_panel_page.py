"""What the conversion panel of the swap page asks for beside its command."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.studio.conversion_estimate import ConversionEstimator
from faceloom.studio.convert_command import ConvertForm
from faceloom.studio.studio import Studio
from faceloom.studio.web.responses import in_thread, read_body


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of the panel.

    Args:
        studio: The studio.
    """
    estimator = ConversionEstimator(studio)

    async def estimate(request: Request) -> Response:
        form = await read_body(request, ConvertForm)
        is_busy = bool(studio.jobs.running())
        sentence = await in_thread(lambda: estimator.estimate(form))
        return JSONResponse({"sentence": sentence, "is_busy": is_busy})

    return [Route("/swap/estimate", estimate, methods=["POST"])]
