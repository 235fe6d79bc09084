"""The path picker, and videos that come from the browser."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.artifact_kind import Kind, identify_kind
from faceloom.atomic import atomic_file, check_disk_space, check_output_file
from faceloom.errors import UsageError
from faceloom.studio.picker import check_within, list_folder
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import Item, ItemKind
from faceloom.studio.web.responses import Body, in_thread, read_body

# Largest video that is taken from the browser, in bytes; larger ones are chosen by their path.
MAX_UPLOAD_BYTES = 4 * 2**30


class OpenRequest(Body):
    """Something to add to the project."""

    path: str
    """Absolute path of a video, face set, run or bundle."""


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of the picker.

    Args:
        studio: The studio.
    """

    def browse(request: Request) -> Response:
        return JSONResponse(asdict(list_folder(request.query_params.get("path", ""), studio.roots)))

    async def open_path(request: Request) -> Response:
        path = Path((await read_body(request, OpenRequest)).path)
        item = await in_thread(lambda: studio.project.open_path(check_within(path, studio.roots)))
        return _item_response(item)

    async def upload(request: Request) -> Response:
        return _item_response(await _upload(studio, request))

    return [
        Route("/browse", browse),
        Route("/open", open_path, methods=["POST"]),
        Route("/upload", upload, methods=["POST"]),
    ]


def _item_response(item: Item) -> Response:
    return JSONResponse({"kind": item.kind, "id": item.id, "name": item.name})


async def _upload(studio: Studio, request: Request) -> Item:
    """Write the body of a request to the project's clips; refuse it if it is no video."""
    path = studio.project.new_path(ItemKind.CLIP, request.query_params.get("name", ""))
    check_output_file(path, force=False)
    length = request.headers.get("content-length", "")
    expected = int(length) if length.isdecimal() else MAX_UPLOAD_BYTES
    if expected > MAX_UPLOAD_BYTES:
        raise _too_large()
    path.parent.mkdir(parents=True, exist_ok=True)
    check_disk_space(path.parent, expected if length.isdecimal() else 0)
    with atomic_file(path) as part:
        size = 0
        with part.open("wb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_UPLOAD_BYTES:
                    raise _too_large()
                file.write(chunk)
        if identify_kind(part) not in (Kind.VIDEO, Kind.SWAPPED_VIDEO):
            raise UsageError(f"{path.name} is not a video; add a file such as .mp4, .mov or .mkv.")
    return studio.project.open_path(path)


def _too_large() -> UsageError:
    gigabytes = MAX_UPLOAD_BYTES // 2**30
    return UsageError(
        f"A video from the browser may have {gigabytes} GB; choose a larger one by its path."
    )
