"""The JSON documents of Faceloom's artifacts, as strict pydantic models with a schema number."""

import json
import os
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticSerializationError

from faceloom.errors import ArtifactRefused
from faceloom.safe_read import MAX_DOCUMENT_BYTES, read_bounded

# What to do with an artifact of an older schema.
MAKE_AGAIN = "make it again"


class StrictModel(BaseModel):
    """A value read from disk. Unknown keys and numbers that are not finite are errors."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False
    )


Document = TypeVar("Document", bound=StrictModel)


def read_document(
    path: Path, kind: type[Document], schema: int, what: str, advice: str = MAKE_AGAIN
) -> Document:
    """Read a JSON document.

    Args:
        path: The file.
        kind: Model of the document.
        schema: The integer that its key "schema" must have.
        what: Name of the artifact in messages, for example "bundle".
        advice: What to do with a document of an older schema.

    Returns:
        The document.

    Raises:
        ArtifactRefused: The file is missing, too large, not JSON, has another schema, or does not
            match the model.
    """
    try:
        content = read_bounded(path, MAX_DOCUMENT_BYTES)
    except FileNotFoundError:
        raise ArtifactRefused(
            f"{path.parent} is not a {what}: it has no {path.name}; check the path."
        ) from None
    except OSError as error:
        raise ArtifactRefused(f"{path} is damaged and cannot be read as JSON ({error}).") from error
    return parse_document(content, path, kind, schema, what, advice)


def parse_document(
    content: bytes,
    path: Path,
    kind: type[Document],
    schema: int,
    what: str,
    advice: str = MAKE_AGAIN,
) -> Document:
    """Parse a JSON document; see `read_document`.

    Args:
        content: The file's content.
        path: The file, for messages.
        kind: Model of the document.
        schema: The integer that its key "schema" must have.
        what: Name of the artifact in messages.
        advice: What to do with a document of an older schema.

    Returns:
        The document.

    Raises:
        ArtifactRefused: The content is not JSON, has another schema, or does not match the model.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArtifactRefused(f"{path} is damaged and cannot be read as JSON ({error}).") from error
    found = data.get("schema") if isinstance(data, dict) else None
    if found != schema:
        hint = "update faceloom" if isinstance(found, int) and found > schema else advice
        raise ArtifactRefused(
            f"{path} has schema {_short(found)}, but this version reads schema {schema}; {hint}."
        )
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise ArtifactRefused(
            f"{path} is not a valid {what}: {first_validation_error(error)}."
        ) from error


def _short(value: object) -> str:
    """Format an untrusted value for a message."""
    return repr(value)[:20] if isinstance(value, str | int | float | None) else "of another type"


def first_validation_error(error: ValidationError) -> str:
    """Format a validation error's first problem as `key: message`.

    Args:
        error: The error.
    """
    problem = error.errors(include_url=False)[0]
    key = ".".join(str(part)[:80] for part in problem["loc"])
    return f"{key}: {problem['msg']}" if key else problem["msg"]


def to_json(document: StrictModel) -> str:
    """Format a document as indented JSON with a final newline.

    Args:
        document: The document.
    """
    try:
        text = document.model_dump_json(indent=2, by_alias=True)
    except PydanticSerializationError:
        # A file name that is not UTF-8: its bytes are written as JSON escapes, and read as such.
        text = json.dumps(document.model_dump(mode="json", by_alias=True), indent=2)
    return text + "\n"


def utf8_text(name: str) -> str:
    """Return a file name as text that every document can hold.

    Args:
        name: The name; bytes that are not UTF-8 are surrogates, as `os.fsdecode` makes them.

    Returns:
        The name, with such a byte written as `\\xe9`.
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")
