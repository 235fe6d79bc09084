"""What the timeline of the swap page marks: faces, cuts and the worst moments of a clip."""

from collections.abc import Sequence
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.studio.results.clip_moments import find_clip_moments
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import ItemKind


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of the timeline.

    Args:
        studio: The studio.
    """
    project = studio.project

    def scan(request: Request) -> Response:
        clip = project.item(ItemKind.CLIP, request.path_params["clip"])
        found, error = studio.scanner.scan_of(clip)
        if found is None:
            return JSONResponse({"frames": None, "error": error})
        known = found.model_dump(include={"frames", "done", "cuts", "runs"})
        return JSONResponse({**known, "error": error})

    def moments(request: Request) -> Response:
        clip = project.item(ItemKind.CLIP, request.path_params["clip"])
        found = find_clip_moments(clip, project.items(ItemKind.SWAP), studio.jobs.jobs())
        if found is None:
            return JSONResponse({"swap": None, "moments": []})
        return JSONResponse(
            {
                "swap": {"id": found.swap.id, "name": found.swap.name},
                "is_outdated": found.is_outdated,
                "moments": [asdict(moment) for moment in found.moments],
            }
        )

    return [Route("/swap/scan/{clip}", scan), Route("/swap/moments/{clip}", moments)]
