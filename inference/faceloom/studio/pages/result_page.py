"""Swaps: a player with the original in step, the judge's curves, marks, download."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.errors import FaceloomError, UsageError
from faceloom.operating_system.file_manager import show_in_file_manager
from faceloom.provenance.verify import verify
from faceloom.studio.jobs.job import Job
from faceloom.studio.results.converted_range import first_frame_of
from faceloom.studio.results.judgment import (
    Judgment,
    compare_request,
    judgment_path,
    read_judgment,
)
from faceloom.studio.results.original import find_original, record_original
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import Item, ItemKind
from faceloom.studio.web.responses import Body, in_thread, read_body
from faceloom.studio.web.templates import render
from faceloom.video import probe_video

# Media types that browsers know, by extension; another file is sent as MP4, and the browser looks.
_MEDIA_TYPES = {".webm": "video/webm", ".mkv": "video/x-matroska", ".mov": "video/quicktime"}
_MP4 = "video/mp4"


class OriginalForm(Body):
    """Which clip a swap was made from."""

    clip: str
    """Id of the clip."""


class CompareForm(Body):
    """The form of a comparison."""

    faces: str = ""
    """Id of the face set of the person in the swap; empty: none, and no score."""


@dataclass(frozen=True, slots=True)
class SwapView:
    """What the page shows of a swap."""

    swap: Item
    """The swap."""
    original: Path | None
    """The video that it was made from, if known."""
    first_frame: int | None
    """Frame of the original at which it starts; None if it shows all of the original."""
    judgment: Judgment | None
    """The comparison with the original; None if it was not compared."""
    judgment_problem: str
    """Why the comparison cannot be read; empty if it can or if there is none."""
    job: Job | None
    """The job that compares it, or waits to."""


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of swaps.

    Args:
        studio: The studio.
    """
    handlers = _ResultHandlers(studio)
    return [
        Route("/results", handlers.index),
        Route("/results/{swap}", handlers.page),
        Route("/results/{swap}/video", handlers.video),
        Route("/results/{swap}/original", handlers.original),
        Route("/results/{swap}/original", handlers.choose_original, methods=["POST"]),
        Route("/results/{swap}/download", handlers.download),
        Route("/results/{swap}/folder", handlers.show_folder, methods=["POST"]),
        Route("/results/{swap}/curves", handlers.curves),
        Route("/results/{swap}/marks", handlers.marks),
        Route("/results/{swap}/compare", handlers.compare, methods=["POST"]),
    ]


class _ResultHandlers:
    """The handlers of swaps."""

    def __init__(self, studio: Studio):
        self._studio = studio

    def _swap_of(self, request: Request) -> Item:
        return self._studio.project.item(ItemKind.SWAP, request.path_params["swap"])

    def index(self, _: Request) -> Response:
        """Show all swaps."""
        return render(
            "results.html.j2",
            page="results",
            project=self._studio.project,
            swaps=[_view(self._studio, swap) for swap in self._studio.project.items(ItemKind.SWAP)],
        )

    def page(self, request: Request) -> Response:
        """Show a swap."""
        swap = self._swap_of(request)
        return render(
            "result.html.j2",
            page="results",
            project=self._studio.project,
            view=_view(self._studio, swap),
            info=probe_video(swap.path),
            clips=self._studio.project.items(ItemKind.CLIP),
            faces=self._studio.project.items(ItemKind.FACES),
        )

    def video(self, request: Request) -> Response:
        """Send the swap, or a range of it."""
        return _video_response(self._swap_of(request).path)

    def original(self, request: Request) -> Response:
        """Send the original, or a range of it."""
        return _video_response(_original_of(self._studio, self._swap_of(request)))

    def download(self, request: Request) -> Response:
        """Send the swap as a download."""
        path = self._swap_of(request).path
        return FileResponse(path, filename=path.name)

    def show_folder(self, request: Request) -> Response:
        """Show the swap in the file manager of this machine."""
        show_in_file_manager(self._swap_of(request).path)
        return JSONResponse({})

    def curves(self, request: Request) -> Response:
        """Send the judge's values of each frame."""
        judgment = read_judgment(self._swap_of(request).path)
        if judgment is None:
            raise UsageError("This swap was not compared with its original yet.")
        return JSONResponse(judgment.curves)

    def marks(self, request: Request) -> Response:
        """Show the marks of a swap, a part of its page."""
        path = self._swap_of(request).path
        report = verify(path)
        summary, *lines = report.to_text().removeprefix(f"{path}: ").splitlines()
        # A line has a name in a column of its own, then what was found.
        marks = [re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in lines]
        pairs = [(name, " ".join(text)) for name, *text in marks]
        return render("result_marks.html.j2", report=report, summary=summary, marks=pairs)

    async def choose_original(self, request: Request) -> Response:
        """Remember which clip a swap was made from."""
        form = await read_body(request, OriginalForm)
        return await in_thread(lambda: _choose_original(self._studio, self._swap_of(request), form))

    async def compare(self, request: Request) -> Response:
        """Add a comparison to the queue."""
        form = await read_body(request, CompareForm)
        return await in_thread(lambda: _compare(self._studio, self._swap_of(request), form))


def _view(studio: Studio, swap: Item) -> SwapView:
    jobs = studio.jobs.jobs()
    judgment, problem = None, ""
    try:
        judgment = read_judgment(swap.path)
    except FaceloomError as error:
        problem = str(error)
    out = str(judgment_path(swap.path))
    open_jobs = [job for job in jobs if job.request.artifact == out and not job.has_ended]
    return SwapView(
        swap,
        find_original(swap.path, jobs),
        first_frame_of(swap.path, jobs),
        judgment,
        problem,
        open_jobs[0] if open_jobs else None,
    )


def _original_of(studio: Studio, swap: Item) -> Path:
    original = find_original(swap.path, studio.jobs.jobs())
    if original is None:
        raise UsageError(f"The original of {swap.name} is unknown; choose it on the swap's page.")
    return original


def _choose_original(studio: Studio, swap: Item, form: OriginalForm) -> Response:
    clip = studio.project.item(ItemKind.CLIP, form.clip)
    sizes = [probe_video(path).display_size for path in (clip.path, swap.path)]
    if sizes[0] != sizes[1]:
        (width, height), (swap_width, swap_height) = sizes
        raise UsageError(
            f"{clip.name} has {width} x {height} pixels and the swap {swap_width} x {swap_height}; "
            "choose the video that was converted."
        )
    record_original(swap.path, clip.path)
    return JSONResponse({})


def _compare(studio: Studio, swap: Item, form: CompareForm) -> Response:
    if first_frame_of(swap.path, studio.jobs.jobs()) is not None:
        raise UsageError(
            f"{swap.name} shows a part of its original, and the judge compares whole videos; "
            "convert the whole video to compare it."
        )
    faces = studio.project.item(ItemKind.FACES, form.faces) if form.faces else None
    request = compare_request(swap, _original_of(studio, swap), faces)
    return JSONResponse({"job": studio.jobs.add(request).number})


def _video_response(path: Path) -> Response:
    """Answer with a video; `FileResponse` answers requests for a range of it."""
    media_type = _MEDIA_TYPES.get(path.suffix.lower(), _MP4)
    return FileResponse(path, media_type=media_type, headers={"Cache-Control": "private, no-cache"})
