"""The path picker, and videos that come from the browser."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.array_types import Rgb
from faceloom.artifact_kind import Kind, identify_kind
from faceloom.atomic import atomic_file, check_disk_space
from faceloom.errors import UsageError
from faceloom.image_io import read_picture
from faceloom.output_lock import lock_output
from faceloom.project.step import file_signature
from faceloom.studio.picker import ITEMS, PICTURES, check_picture, check_within, list_folder
from faceloom.studio.stills import encode_jpeg
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import Item, ItemKind
from faceloom.studio.web.responses import Body, in_thread, jpeg_response, read_body

# Largest video that is taken from the browser, in bytes; larger ones are chosen by their path.
MAX_UPLOAD_BYTES = 4 * 2**30
# Longer side of a picture of this machine as pages show it, in pixels.
_THUMBNAIL_SIDE = 160

_Value = TypeVar("_Value")


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
        query = request.query_params
        choices = PICTURES if query.get("kind") == "picture" else ITEMS
        return JSONResponse(asdict(list_folder(query.get("path", ""), studio.roots, choices)))

    def picture(request: Request) -> Response:
        path = check_picture(Path(request.query_params.get("path", "")), studio.readable_roots)
        key = f"picture {path} {file_signature(path)}"
        return jpeg_response(request, key, lambda: encode_jpeg(_shrink(read_picture(path))))

    async def open_path(request: Request) -> Response:
        path = Path((await read_body(request, OpenRequest)).path)
        item = await in_thread(lambda: studio.project.open_path(check_within(path, studio.roots)))
        return _item_response(item)

    async def upload(request: Request) -> Response:
        return _item_response(await _upload(studio, request))

    return [
        Route("/browse", browse),
        Route("/picture", picture),
        Route("/open", open_path, methods=["POST"]),
        Route("/upload", upload, methods=["POST"]),
    ]


def _shrink(picture: Rgb) -> Rgb:
    """Return a picture that is at most `_THUMBNAIL_SIDE` wide and high."""
    height, width = picture.shape[:2]
    scale = min(1.0, _THUMBNAIL_SIDE / max(height, width))
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _item_response(item: Item) -> Response:
    return JSONResponse({"kind": item.kind, "id": item.id, "name": item.name})


async def _upload(studio: Studio, request: Request) -> Item:
    """Write the body of a request to the project's clips; refuse it if it is no video."""
    path = studio.project.new_path(ItemKind.CLIP, request.query_params.get("name", ""))
    if path.exists():
        raise UsageError(
            f"The project's folder has a video {path.name} already; add it from this machine, or "
            "rename yours."
        )
    length = request.headers.get("content-length", "")
    expected = int(length) if length.isdecimal() else 0
    if expected > MAX_UPLOAD_BYTES:
        raise _too_large()
    await in_thread(lambda: path.parent.mkdir(parents=True, exist_ok=True))
    await in_thread(lambda: check_disk_space(path.parent, expected))
    async with _entered(lock_output(path)), _entered(atomic_file(path)) as part:
        await _receive(request, part)
        if await in_thread(lambda: identify_kind(part)) not in (Kind.VIDEO, Kind.SWAPPED_VIDEO):
            raise UsageError(f"{path.name} is not a video; add a file such as .mp4, .mov or .mkv.")
    return await in_thread(lambda: studio.project.open_path(path))


async def _receive(request: Request, part: Path) -> None:
    size = 0
    with part.open("wb") as file:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_UPLOAD_BYTES:
                raise _too_large()
            await in_thread(partial(file.write, chunk))


@asynccontextmanager
async def _entered(manager: AbstractContextManager[_Value]) -> AsyncIterator[_Value]:
    """Enter and leave a context manager in a thread, since it waits for the disk."""
    value = await in_thread(manager.__enter__)
    try:
        yield value
    except BaseException as error:
        details = (type(error), error, error.__traceback__)
        if not await in_thread(lambda: manager.__exit__(*details)):
            raise
    else:
        await in_thread(lambda: manager.__exit__(None, None, None))


def _too_large() -> UsageError:
    gigabytes = MAX_UPLOAD_BYTES // 2**30
    return UsageError(
        f"A video from the browser may have {gigabytes} GB; choose a larger one by its path."
    )
