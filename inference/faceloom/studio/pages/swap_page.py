"""The swap page: look at swapped stills of a clip, tune the blend, and convert."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom import __version__
from faceloom.array_types import Rgb
from faceloom.choices import MAX_FOREHEAD, MAX_MASK_WIDTH, MIN_FOREHEAD
from faceloom.errors import UsageError
from faceloom.progress import Progress
from faceloom.project.step import file_signature
from faceloom.studio.conversion.blend_presets import MAX_NAME_LENGTH
from faceloom.studio.conversion.conversion_options import ConversionOptions
from faceloom.studio.conversion.convert_command import (
    ConvertForm,
    check_conversion,
    convert_request,
)
from faceloom.studio.conversion.section_job import SectionJob
from faceloom.studio.conversion.still_query import StillQuery
from faceloom.studio.conversion.swap_sections import SectionRows, read_sections, write_sections
from faceloom.studio.conversion.swap_settings import SwapSettings
from faceloom.studio.stills import StillEngine, encode_jpeg
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import ItemKind, StudioProject
from faceloom.studio.web.responses import Body, in_thread, jpeg_response, read_body
from faceloom.studio.web.templates import render
from faceloom.swap.preview.frame_lead_in import MAX_FRAME_LEAD_IN
from faceloom.video.encoding.encoder_options import DEFAULT_QUALITY

# Pictures in the timeline.
_THUMBNAILS = 12
# Time after which a request for a still that is not ready is answered with its progress. A request
# for another still waits no longer.
_PREPARE_SECONDS = 0.25


class _StillNotReadyError(Exception):
    """Frames that a still needs are not predicted yet."""

    def __init__(self, progress: Progress):
        super().__init__()
        self.progress = progress


class SectionsForm(Body):
    """The sections of a clip."""

    sections: SectionRows
    """All of them."""


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of the swap page.

    Args:
        studio: The studio.
    """
    project, engine = studio.project, StillEngine()

    def page(_: Request) -> Response:
        return render(
            "swap.html.j2",
            page="swap",
            project=project,
            clips=project.items(ItemKind.CLIP),
            bundles=project.items(ItemKind.BUNDLE),
            defaults=SwapSettings(),
            options=ConversionOptions(),
            quality=DEFAULT_QUALITY,
            max_width=MAX_MASK_WIDTH,
            forehead_limits=(MIN_FOREHEAD, MAX_FOREHEAD),
            max_name_length=MAX_NAME_LENGTH,
            lead_in=MAX_FRAME_LEAD_IN,
        )

    async def command(request: Request) -> Response:
        form = await read_body(request, ConvertForm)
        job = await in_thread(lambda: convert_request(studio, form))
        if not form.sections:
            return JSONResponse({"command": job.to_shell(), "job_file": ""})
        with_sections = SectionJob.of(job, form)
        answer = {"command": with_sections.request.to_shell(), "job_file": with_sections.text}
        return JSONResponse(answer)

    async def convert(request: Request) -> Response:
        form = await read_body(request, ConvertForm)
        return await in_thread(lambda: _convert(studio, form))

    return [
        Route("/swap", page),
        Route("/swap/command", command, methods=["POST"]),
        Route("/swap/convert", convert, methods=["POST"]),
        *_still_routes(studio, engine),
    ]


def _still_routes(studio: Studio, engine: StillEngine) -> Sequence[BaseRoute]:
    project = studio.project
    # Sections are written in the order in which their requests arrive.
    section_lock = asyncio.Lock()

    def clip_info(request: Request) -> Response:
        info = engine.clip_info(_clip(project, request))
        item = project.item(ItemKind.CLIP, request.path_params["clip"])
        sections = [row.model_dump(exclude_defaults=True) for row in read_sections(project, item)]
        thumbnails = info.thumbnail_frames(_THUMBNAILS)
        return JSONResponse({**asdict(info), "thumbnails": thumbnails, "sections": sections})

    async def keep_sections(request: Request) -> Response:
        form = await read_body(request, SectionsForm)
        item = project.item(ItemKind.CLIP, request.path_params["clip"])
        async with section_lock:
            await in_thread(lambda: write_sections(project, item, form.sections))
        return JSONResponse({})

    def bundle_info(request: Request) -> Response:
        bundle = project.item(ItemKind.BUNDLE, request.path_params["bundle"])
        return JSONResponse(engine.suggestions(bundle.path).model_dump())

    def frame(request: Request) -> Response:
        with studio.scanner.paused():
            return _picture(project, request, "frame", engine.original)

    def thumbnail(request: Request) -> Response:
        with studio.scanner.paused():
            return _picture(project, request, "thumbnail", engine.thumbnail)

    def still(request: Request) -> Response:
        with studio.scanner.paused():
            return _still(engine, studio, request)

    return [
        Route("/swap/clip/{clip}", clip_info),
        Route("/swap/sections/{clip}", keep_sections, methods=["POST"]),
        Route("/swap/bundle/{bundle}", bundle_info),
        Route("/frame/{clip}/{frame:int}", frame),
        Route("/thumbnail/{clip}/{frame:int}", thumbnail),
        Route("/still/{clip}/{bundle}/{frame:int}", still),
    ]


def _picture(
    project: StudioProject, request: Request, kind: str, make: Callable[[Path, int], Rgb]
) -> Response:
    clip, index = _clip(project, request), request.path_params["frame"]
    key = f"{kind} {clip} {file_signature(clip)} {index}"
    return jpeg_response(request, key, lambda: encode_jpeg(make(clip, index)))


def _clip(project: StudioProject, request: Request) -> Path:
    return project.item(ItemKind.CLIP, request.path_params["clip"]).path


def _still(engine: StillEngine, studio: Studio, request: Request) -> Response:
    """Answer with a still, or with the progress of the frames that it needs.

    Headers tell how long the last part of the work took and how many faces the still has.
    """
    query = StillQuery.parse(request.query_params)
    what = query.to_request(studio, **request.path_params)
    headers = {}

    def encode() -> bytes:
        started = time.perf_counter()
        if progress := engine.prepare(what, _PREPARE_SECONDS):
            raise _StillNotReadyError(progress)
        made = engine.still(what)
        content = encode_jpeg(made.picture)
        headers["X-Swapped-Faces"] = str(made.faces)
        headers["Server-Timing"] = f"still;dur={1000 * (time.perf_counter() - started):.1f}"
        return content

    inputs = [(str(path), file_signature(path)) for path in what.inputs]
    key = f"still {__version__} {inputs} {what.frame} {query.model_dump_json()}"
    try:
        answer = jpeg_response(request, key, encode)
    except _StillNotReadyError as error:
        progress = error.progress
        return JSONResponse({"done": progress.done, "total": progress.total}, 202)
    answer.headers.update(headers)
    return answer


def _convert(studio: Studio, form: ConvertForm) -> Response:
    request = convert_request(studio, form)
    if Path(request.artifact).exists():
        raise UsageError(f"There is a swap {form.name} already; choose another name.")
    check_conversion(studio, form)
    if form.sections:
        job = SectionJob.of(request, form)
        job.write()
        request = job.request
    return JSONResponse({"job": studio.jobs.add(request).number})
