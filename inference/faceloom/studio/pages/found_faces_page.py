"""The faces that a running extraction has found so far, a part of the queue's page."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.errors import UsageError
from faceloom.project.step import file_signature
from faceloom.studio.faces.found_faces import find_newest, found_crop
from faceloom.studio.faces.thumbnails import make_thumbnail
from faceloom.studio.studio import Studio
from faceloom.studio.web.responses import jpeg_response


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of found faces.

    Args:
        studio: The studio.
    """

    def faces(request: Request) -> Response:
        return JSONResponse(asdict(find_newest(_face_set(studio, request))))

    def face(request: Request) -> Response:
        crop = found_crop(_face_set(studio, request), request.path_params["name"])
        key = f"found {crop} {file_signature(crop)}"
        return jpeg_response(request, key, lambda: make_thumbnail(crop))

    return [
        Route("/jobs/{number:int}/faces", faces),
        Route("/jobs/{number:int}/faces/{name}", face),
    ]


def _face_set(studio: Studio, request: Request) -> Path:
    """Return the face set that the job of a request makes."""
    job = studio.jobs.job(request.path_params["number"])
    if not job.request.extracts_faces:
        raise UsageError(f"Job {job.number} ({job.request.title}) extracts no faces.")
    return Path(job.request.artifact)
