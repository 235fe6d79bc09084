"""Answers that several pages give: errors, pictures and JSON bodies."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from faceloom.atomic import friendly_os_error
from faceloom.errors import ArtifactRefused, FaceloomError, UsageError
from faceloom.hashing import sha256_of
from faceloom.json_documents import first_validation_error
from faceloom.studio.studio_project import StudioProject
from faceloom.studio.web.security import SECURITY_HEADERS
from faceloom.studio.web.templates import render

# Largest body of a request that is read as JSON, in bytes.
_MAX_JSON_BYTES = 1_000_000


class Body(BaseModel):
    """A request's JSON body. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


_Body = TypeVar("_Body", bound=Body)
_Result = TypeVar("_Result")


async def read_body(request: Request, kind: type[_Body]) -> _Body:
    """Read a request's JSON body.

    Args:
        request: The request.
        kind: Model of the body.

    Raises:
        UsageError: The body is too large, not JSON, or does not fit the model.
    """
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MAX_JSON_BYTES:
            raise UsageError("The request is too large.")
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise UsageError(f"The request cannot be used: {first_validation_error(error)}.") from error


async def in_thread(work: Callable[[], _Result]) -> _Result:
    """Run blocking work in a thread, so that other requests are answered meanwhile.

    Args:
        work: The work.

    Returns:
        Its result.
    """
    return await asyncio.to_thread(work)


def refuse(error: FaceloomError) -> JSONResponse:
    """Answer with an error's sentence.

    Args:
        error: The error.
    """
    status = 400 if isinstance(error, UsageError | ArtifactRefused) else 422
    return JSONResponse({"error": str(error), "exit_code": error.exit_code}, status)


def error_handler(project: StudioProject) -> Callable[[Request, Exception], Response]:
    """Return what answers a request whose handler raised a `FaceloomError` or an `OSError`.

    Args:
        project: The project, which an error's page names.
    """

    def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, OSError):
            error = friendly_os_error(error, Path(error.filename or "The file"))
        assert isinstance(error, FaceloomError), "registered for these classes only"
        if _wants_page(request):
            return render("error.html.j2", 404, page="", project=project, sentence=str(error))
        return refuse(error)

    return answer


def _wants_page(request: Request) -> bool:
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")


def http_error_handler(project: StudioProject) -> Callable[[Request, Exception], Response]:
    """Return what answers a request for an address that does not exist, or with a wrong method.

    Args:
        project: The project, which an error's page names.
    """

    def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "registered for this class only"
        path = request.url.path
        sentence = f"The studio has nothing at {path} for {request.method}; open another page."
        if _wants_page(request):
            return render(
                "error.html.j2", error.status_code, page="", project=project, sentence=sentence
            )
        return JSONResponse({"error": sentence}, error.status_code, error.headers)

    return answer


def failure_handler(_: Request, error: Exception) -> Response:
    """Answer a request whose handler failed; the terminal shows the traceback.

    Args:
        error: The error.
    """
    kind = type(error).__name__
    return PlainTextResponse(
        f"The studio failed ({kind}); its terminal shows the details. Please report it.",
        500,
        # Starlette calls this handler outside the middleware that adds them to other answers.
        {**SECURITY_HEADERS, "Cache-Control": "no-store"},
    )


def jpeg_response(request: Request, key: str, encode: Callable[[], bytes]) -> Response:
    """Answer with a picture, or with 304 if the browser has it already.

    Args:
        request: The request.
        key: Text that changes whenever the picture does.
        encode: Returns the JPEG file; not called for a 304.
    """
    etag = f'"{sha256_of(key.encode())[:24]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(encode(), media_type="image/jpeg", headers=headers)
