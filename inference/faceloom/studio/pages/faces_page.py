"""The faces of a face set: the grid, its pictures, rejections and findings."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.errors import UsageError
from faceloom.faceset.curate import undo_curate
from faceloom.project.step import file_signature
from faceloom.studio.faces.crop_files import crop_path
from faceloom.studio.faces.face_grid import SORT_ORDERS, FaceGrids
from faceloom.studio.faces.findings import (
    REVIEW_ORDERS,
    FaceSetFindings,
    find_problems,
    removal_request,
    review_request,
    reviewed_columns,
)
from faceloom.studio.faces.landmark_groups import LANDMARK_GROUPS, LANDMARK_RINGS
from faceloom.studio.faces.rejections import reject_faces
from faceloom.studio.faces.thumbnails import ThumbnailCache
from faceloom.studio.pages import face_editor_page
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import PRIVATE_FOLDER, Item, ItemKind
from faceloom.studio.web.responses import Body, in_thread, jpeg_response, read_body
from faceloom.studio.web.templates import render

# Level of gzip: the table of 20,000 faces shrinks from 1.3 MB to 0.3 MB in 30 ms.
_GZIP_LEVEL = 4
# The picture of an address with a version does not change; a browser keeps it for a day.
_VERSION_CACHE = "private, max-age=86400, immutable"


class Rejection(Body):
    """The faces to reject."""

    names: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(min_length=1)]
    """Their names."""


class Removal(Body):
    """A finding whose command is to be run."""

    command: Annotated[str, Field(min_length=1, max_length=5000)]
    """The command as the page shows it; it is run only if it is one of the current findings."""


@dataclass(frozen=True, slots=True)
class _FaceHandlers:
    """The handlers of the page, with what they share."""

    studio: Studio
    """The studio."""
    grids: FaceGrids = field(default_factory=FaceGrids)
    """The tables."""
    thumbnails: ThumbnailCache = field(default_factory=ThumbnailCache)
    """The thumbnails."""

    def page(self, request: Request) -> Response:
        """Answer with the page; its table is loaded by the script."""
        return render(
            "faces.html.j2",
            page="faces",
            project=self.studio.project,
            item=self._item(request),
            orders=SORT_ORDERS,
            review_orders=REVIEW_ORDERS,
            groups=LANDMARK_GROUPS,
            rings=LANDMARK_RINGS,
        )

    def table(self, request: Request) -> Response:
        """Answer with the table of all faces."""
        content = self.grids.get_json(self._item(request).path)
        headers = {"Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            content = gzip.compress(content, _GZIP_LEVEL)
            headers["Content-Encoding"] = "gzip"
        return Response(content, media_type="application/json", headers=headers)

    def thumbnail(self, request: Request) -> Response:
        """Answer with a small picture of a face."""
        crop = self._crop(request)
        key = _key("thumbnail", crop)
        answer = jpeg_response(request, key, lambda: self.thumbnails.get(crop))
        if "version" in request.query_params:
            answer.headers["Cache-Control"] = _VERSION_CACHE
        return answer

    def crop(self, request: Request) -> Response:
        """Answer with the crop of a face."""
        crop = self._crop(request)
        return jpeg_response(request, _key("crop", crop), crop.read_bytes)

    def findings(self, request: Request) -> Response:
        """Answer with the part of the page that shows the findings."""
        item = self._item(request)
        return render("faces_findings.html.j2", found=self._findings(item), item=item)

    def reviewed(self, request: Request) -> Response:
        """Answer with the columns of the table that the last review measured."""
        item = self._item(request)
        columns = reviewed_columns(self.grids.get(item.path), self.studio.jobs, self._report(item))
        return JSONResponse(columns)

    async def reject(self, request: Request) -> Response:
        """Reject faces."""
        item, names = self._item(request), (await read_body(request, Rejection)).names
        summary = await in_thread(lambda: reject_faces(item.path, names))
        return JSONResponse({"moved": summary.moved, "faces": summary.faces - summary.moved})

    async def undo(self, request: Request) -> Response:
        """Restore the faces that were dropped last."""
        item = self._item(request)
        summary = await in_thread(lambda: undo_curate(item.path))
        return JSONResponse({"moved": summary.moved, "faces": summary.faces + summary.moved})

    def review(self, request: Request) -> Response:
        """Add the job that reviews the face set."""
        item = self._item(request)
        job = self.studio.jobs.add(review_request(item.path, self._report(item)))
        return JSONResponse({"job": job.number})

    async def remove(self, request: Request) -> Response:
        """Add the job that runs the command of a finding."""
        item, command = self._item(request), (await read_body(request, Removal)).command
        found = await in_thread(lambda: self._findings(item))
        if command not in [finding.command for finding in found.findings]:
            raise UsageError("The findings have changed since the page was loaded; look again.")
        job = self.studio.jobs.add(removal_request(item.path, command))
        return JSONResponse({"job": job.number})

    def _item(self, request: Request) -> Item:
        return self.studio.project.item(ItemKind.FACES, request.path_params["id"])

    def _crop(self, request: Request) -> Path:
        return crop_path(self._item(request).path, request.path_params["name"])

    def _findings(self, item: Item) -> FaceSetFindings:
        return find_problems(self.grids.get(item.path), self.studio.jobs, self._report(item))

    def _report(self, item: Item) -> Path:
        return self.studio.project.folder / PRIVATE_FOLDER / "reviews" / f"{item.id}.html"


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of the pages of face sets.

    Args:
        studio: The studio.
    """
    handlers = _FaceHandlers(studio)
    return [
        Route("/faces/{id}", handlers.page),
        Route("/faces/{id}/table", handlers.table),
        Route("/faces/{id}/findings", handlers.findings),
        Route("/faces/{id}/reviewed", handlers.reviewed),
        Route("/faces/{id}/thumbnail/{name}", handlers.thumbnail),
        Route("/faces/{id}/crop/{name}", handlers.crop),
        Route("/faces/{id}/reject", handlers.reject, methods=["POST"]),
        Route("/faces/{id}/undo", handlers.undo, methods=["POST"]),
        Route("/faces/{id}/review", handlers.review, methods=["POST"]),
        Route("/faces/{id}/remove", handlers.remove, methods=["POST"]),
        *face_editor_page.routes(studio, handlers.grids),
    ]


def _key(kind: str, crop: Path) -> str:
    return f"{kind} {crop} {file_signature(crop)}"
