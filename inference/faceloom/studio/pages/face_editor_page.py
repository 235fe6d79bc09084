"""The editor of single faces, a part of the page of a face set: landmarks, masks, undo."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from faceloom.errors import UsageError
from faceloom.faces.landmarks import MESH_POINTS
from faceloom.faceset.corrections.correction_files import LandmarkOffset
from faceloom.faceset.corrections.edit_history import EditHistory
from faceloom.faceset.corrections.painted_masks import encode_mask
from faceloom.studio.faces.crop_files import FaceName
from faceloom.studio.faces.face_editor import FaceEdit, FaceEditor, Part
from faceloom.studio.faces.face_grid import FaceGrids
from faceloom.studio.private_files import edits_folder
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import Item, ItemKind
from faceloom.studio.web.responses import Body, in_thread, read_body


class MoveForm(Body):
    """Landmarks that a person moved."""

    offsets: Annotated[tuple[LandmarkOffset, ...], Field(max_length=MESH_POINTS)]
    """Index, and how far to the right and down in sides of the crop, of each moved landmark."""


class PaintForm(Body):
    """A mask that a person painted."""

    png: Annotated[str, Field(max_length=900_000)]
    """A PNG as large as the crop, in base64."""


class ResetForm(Body):
    """The correction to reset."""

    part: Part
    """Landmarks or mask."""


class CopyForm(ResetForm):
    """The correction to copy, and the face to copy it from."""

    source: FaceName
    """Name of the other face."""


class InterpolateForm(Body):
    """The faces to interpolate."""

    names: Annotated[tuple[FaceName, ...], Field(min_length=1)]
    """Their names, those of corrected faces included."""
    around: FaceName | None = None
    """Only faces between the corrected ones before and after this face; None: all."""


@dataclass(frozen=True, slots=True)
class _EditorHandlers:
    """The handlers of the editor, with what they share."""

    studio: Studio
    """The studio."""
    grids: FaceGrids
    """The tables."""
    editor: FaceEditor
    """The edits that can be undone."""

    def face(self, request: Request) -> Response:
        """Answer with the landmarks of a face and what is corrected."""
        return JSONResponse(self._edit(request).to_json())

    def mask(self, request: Request) -> Response:
        """Answer with the mask of a face as a PNG."""
        content = encode_mask(self._edit(request).mask())
        return Response(content, media_type="image/png", headers={"Cache-Control": "no-store"})

    async def move(self, request: Request) -> Response:
        """Set the moved landmarks of a face."""
        body = await read_body(request, MoveForm)
        return await self._change(request, lambda edit: edit.move(body.offsets))

    async def paint(self, request: Request) -> Response:
        """Set the mask of a face."""
        body = await read_body(request, PaintForm)
        try:
            data = base64.b64decode(body.png, validate=True)
        except ValueError as error:
            raise UsageError("The painted mask is not base64; load the page again.") from error
        return await self._change(request, lambda edit: edit.paint(data))

    async def reset(self, request: Request) -> Response:
        """Remove a correction of a face."""
        body = await read_body(request, ResetForm)
        return await self._change(request, lambda edit: edit.reset(body.part))

    async def copy(self, request: Request) -> Response:
        """Copy the landmarks or the mask of another face."""
        body, item = await read_body(request, CopyForm), self._item(request)

        def copy(edit: FaceEdit) -> FaceEdit:
            return edit.copy_from(self.editor.edit(item.path, body.source), body.part)

        return await self._change(request, copy)

    async def interpolate(self, request: Request) -> Response:
        """Interpolate the landmarks of faces between corrected ones."""
        body, item = await read_body(request, InterpolateForm), self._item(request)
        names = await in_thread(
            lambda: self.editor.interpolate(self.grids.get(item.path), body.names, body.around)
        )
        return JSONResponse({"names": names})

    async def undo(self, request: Request) -> Response:
        """Undo the last edit of the face set's corrections."""
        return await self._step(request, EditHistory.undo)

    async def redo(self, request: Request) -> Response:
        """Redo the edit that was undone last."""
        return await self._step(request, EditHistory.redo)

    async def _change(self, request: Request, change: Callable[[FaceEdit], FaceEdit]) -> Response:
        """Change a face and answer with its new state."""
        return JSONResponse(await in_thread(lambda: change(self._edit(request)).to_json()))

    async def _step(
        self, request: Request, step: Callable[[EditHistory], tuple[str, ...]]
    ) -> Response:
        history = self.editor.history(self._item(request).path)
        return JSONResponse({"names": await in_thread(lambda: step(history))})

    def _edit(self, request: Request) -> FaceEdit:
        return self.editor.edit(self._item(request).path, request.path_params["name"])

    def _item(self, request: Request) -> Item:
        return self.studio.project.item(ItemKind.FACES, request.path_params["id"])


def routes(studio: Studio, grids: FaceGrids) -> Sequence[BaseRoute]:
    """Return the routes of the editor.

    Args:
        studio: The studio.
        grids: The tables of its face sets.
    """
    editor = FaceEditor(edits_folder(studio.project.folder))
    handlers = _EditorHandlers(studio, grids, editor)
    face, post = "/faces/{id}/face/{name}", ["POST"]
    return [
        Route(face, handlers.face),
        Route(f"{face}/mask", handlers.mask),
        Route(f"{face}/move", handlers.move, methods=post),
        Route(f"{face}/paint", handlers.paint, methods=post),
        Route(f"{face}/reset", handlers.reset, methods=post),
        Route(f"{face}/copy", handlers.copy, methods=post),
        Route("/faces/{id}/interpolate", handlers.interpolate, methods=post),
        Route("/faces/{id}/correction/undo", handlers.undo, methods=post),
        Route("/faces/{id}/correction/redo", handlers.redo, methods=post),
    ]
