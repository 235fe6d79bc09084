"""Faces that another tool cut: where faceswap writes that a face came from.

faceswap stores each face as a PNG with an iTXt chunk of the keyword "faceswap", before the picture, that holds a
Python dictionary as `repr` writes it: `{'alignments': {...}, 'source': {...}}`. It is read as data: its tokens
are turned into JSON one by one, and what is no literal is refused. Nothing is evaluated or unpickled.
"""

import json
import re
from ast import literal_eval
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from faceloom.faceset.png_metadata import PngTextError, read_png_text
from faceloom.json_documents import first_validation_error

_KEYWORD = "faceswap"
# faceswap names the n-th frame of NAME.mp4, counting from 1, NAME_00000n.png.
_VIDEO_FRAME = re.compile(r"(?P<name>.+)_(?P<number>\d{6,9})")
_TOKEN = re.compile(
    r"""(?P<bytes>b(?:'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+"))
      | (?P<text>'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")
      | (?P<number>-?\d[\d.]*(?:[eE][-+]?\d+)?)
      | (?P<name>True|False|None|true|false|null)
      | (?P<comma>,(?=\s*[\])}]))
      | (?P<mark>[\[\](){},:])
      | (?P<space>\s++)""",
    re.VERBOSE,
)
_JSON = {"(": "[", ")": "]", "True": "true", "False": "false", "None": "null"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a face was cut from.

    name: the video (without its extension, which is not recorded) or the picture. frame: its number there,
    from 0. face: which face of that frame, from 0.
    """

    name: str
    frame: int
    face: int


class FaceswapMetadataError(Exception):
    """There is a note of the origin, and it cannot be read."""


class _Source(BaseModel):
    """What is used of the other tool's document, whose further keys come and go with its versions."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    source_filename: Annotated[str, Field(min_length=1, max_length=1024)]
    source_is_video: bool
    face_index: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class _Header(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    source: _Source


def read_faceswap_origin(path: Path) -> Origin | None:
    """Return where faceswap cut this face from; None for a file that has no such note, or cannot be opened.

    Raises OriginDamaged if there is a note that cannot be read.
    """
    if path.suffix.lower() != ".png":
        return None
    try:
        text = read_png_text(path, _KEYWORD)
        return (
            None
            if text is None
            else _to_origin(_Header.model_validate_json(literal_to_json(text)).source)
        )
    except PngTextError as error:
        raise FaceswapMetadataError(str(error)) from error
    except OSError:
        return None  # reading the picture itself says why
    except ValidationError as error:
        raise FaceswapMetadataError(first_validation_error(error)) from error


def literal_to_json(literal: str) -> str:
    """Turn a Python literal (or JSON) into JSON; byte strings, of which none is needed, become null.

    Raises OriginDamaged at the first thing that is no literal.
    """
    return "".join(_json_tokens(literal))


def _json_tokens(literal: str) -> Iterator[str]:
    at = 0
    while at < len(literal):
        token = _TOKEN.match(literal, at)
        if token is None:
            raise FaceswapMetadataError(f"no plain value at character {at}")
        at = token.end()
        if token.lastgroup == "text":
            yield _json_string(token[0])
        elif token.lastgroup == "bytes":
            yield "null"
        elif token.lastgroup not in ("comma", "space"):
            yield _JSON.get(token[0], token[0])


def _json_string(quoted: str) -> str:
    try:
        return json.dumps(literal_eval(quoted))
    except (ValueError, SyntaxError) as error:
        raise FaceswapMetadataError(f"a text that cannot be read ({error})") from error


def _to_origin(source: _Source) -> Origin:
    # Whatever folder it names is another machine's; both kinds of separator are taken off.
    file = PureWindowsPath(source.source_filename)
    name = "".join(c for c in file.name if c.isprintable()) or "unnamed"
    stem = Path(name).stem
    frame = _VIDEO_FRAME.fullmatch(stem) if source.source_is_video else None
    if frame:
        return Origin(frame["name"], max(0, int(frame["number"]) - 1), source.face_index)
    return Origin(name, 0, source.face_index)
