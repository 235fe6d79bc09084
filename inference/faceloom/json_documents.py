"""The JSON documents of Faceloom's artifacts: typed, versioned, strict."""

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from faceloom.errors import ArtifactRefused
from faceloom.safe_read import MAX_DOCUMENT_BYTES, read_bounded


class StrictModel(BaseModel):
    """A value read from disk: an unknown key is an error, never dropped; a number is finite."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False
    )


Document = TypeVar("Document", bound=StrictModel)


def read_document(path: Path, kind: type[Document], schema: int, what: str) -> Document:
    """Read a JSON document whose integer "schema" must be `schema`.

    `what` names the artifact in messages. Raises ArtifactRefused if the file is missing, too large, is
    no JSON, has another schema, or does not hold what that schema asks for.
    """
    try:
        content = read_bounded(path, MAX_DOCUMENT_BYTES)
    except FileNotFoundError:
        raise ArtifactRefused(
            f"{path.parent} is no {what}: it has no {path.name}; check the path."
        ) from None
    except OSError as error:
        raise ArtifactRefused(f"{path} is damaged and cannot be read as JSON ({error}).") from error
    return parse_document(content, path, kind, schema, what)


def parse_document(
    content: bytes, path: Path, kind: type[Document], schema: int, what: str
) -> Document:
    """Read a JSON document from memory, as `read_document` does from a file; `path` is where it came from."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArtifactRefused(f"{path} is damaged and cannot be read as JSON ({error}).") from error
    found = data.get("schema") if isinstance(data, dict) else None
    if found != schema:
        hint = "update faceloom" if isinstance(found, int) and found > schema else "make it again"
        raise ArtifactRefused(
            f"{path} has schema {_short(found)} and this faceloom reads {schema}; {hint}."
        )
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise ArtifactRefused(
            f"{path} is not a valid {what}: {first_validation_error(error)}."
        ) from error


def _short(value: object) -> str:
    """A value as a message may hold it, whatever a stranger wrote there."""
    return repr(value)[:20] if isinstance(value, str | int | float | None) else "of another kind"


def first_validation_error(error: ValidationError) -> str:
    """Say the first thing wrong as `key: message`."""
    problem = error.errors(include_url=False)[0]
    key = ".".join(str(part)[:80] for part in problem["loc"])
    return f"{key}: {problem['msg']}" if key else problem["msg"]


def to_json(document: StrictModel) -> str:
    """Write a document as indented JSON with a final newline."""
    return document.model_dump_json(indent=2, by_alias=True) + "\n"
