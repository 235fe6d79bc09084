"""The metadata that faceswap stores in the faces it extracts.

faceswap writes each face as a PNG whose iTXt chunk with the keyword "faceswap" contains the `repr`
of a Python dictionary: `{'alignments': {...}, 'source': {...}}`. It is read as data: its tokens are
converted to JSON one by one, and anything but literals is refused. Nothing is evaluated or
unpickled.
"""

import json
import re
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from faceloom.faceset.other_tools.face_origin import (
    FaceMetadataError,
    FaceOrigin,
    recorded_name,
)
from faceloom.faceset.other_tools.png_metadata import PngTextError, read_png_text
from faceloom.json_documents import first_validation_error

_KEYWORD = "faceswap"
# faceswap names frame n of NAME.mp4, counted from 1, NAME_00000n.png.
_VIDEO_FRAME = re.compile(r"(?P<name>.+)_(?P<number>\d{6,9})")
# A token of a Python literal.
_TOKEN = re.compile(
    r"""(?P<bytes>b(?:'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+"))
      | (?P<text>'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")
      | (?P<number>-?\d[\d.]*(?:[eE][-+]?\d+)?)
      | (?P<name>True|False|None|true|false|null)
      | (?P<comma>,(?=\s*[\])}]))
      | (?P<punctuation>[\[\](){},:])
      | (?P<space>\s++)""",
    re.VERBOSE,
)
# JSON spellings of tokens.
_JSON = {"(": "[", ")": "]", "True": "true", "False": "false", "None": "null"}


class _Source(BaseModel):
    """The keys that are used; the others depend on faceswap's version."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    source_filename: Annotated[str, Field(min_length=1, max_length=1024)]
    source_is_video: bool
    face_index: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class _Header(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    source: _Source


def read_faceswap_origin(path: Path) -> FaceOrigin | None:
    """Read where faceswap cut a face from.

    Args:
        path: An image file.

    Returns:
        The origin; None if the file has no such metadata.

    Raises:
        FaceMetadataError: The metadata is damaged.
        OSError: The file cannot be read.
    """
    if path.suffix.lower() != ".png":
        return None
    try:
        text = read_png_text(path, _KEYWORD)
        if text is None:
            return None
        return _to_origin(_Header.model_validate_json(literal_to_json(text)).source)
    except PngTextError as error:
        raise FaceMetadataError(str(error)) from error
    except ValidationError as error:
        raise FaceMetadataError(first_validation_error(error)) from error


def literal_to_json(literal: str) -> str:
    """Convert a Python literal (or JSON) to JSON. Byte strings become null.

    Args:
        literal: The literal.

    Returns:
        JSON.

    Raises:
        FaceMetadataError: The text contains something else than literals.
    """
    return "".join(_json_tokens(literal))


def _json_tokens(literal: str) -> Iterator[str]:
    at = 0
    while at < len(literal):
        token = _TOKEN.match(literal, at)
        if token is None:
            raise FaceMetadataError(f"no literal at character {at}")
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
        raise FaceMetadataError(f"an invalid string ({error})") from error


def _to_origin(source: _Source) -> FaceOrigin:
    name = recorded_name(source.source_filename)
    stem = Path(name).stem
    frame = _VIDEO_FRAME.fullmatch(stem) if source.source_is_video else None
    if frame:
        return FaceOrigin(frame["name"], max(0, int(frame["number"]) - 1), source.face_index)
    return FaceOrigin(name, 0, source.face_index)
