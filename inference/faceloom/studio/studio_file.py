"""`studio.json`: what a project's folder does not say by itself."""

from typing import Annotated, Literal

from pydantic import Field

from faceloom.json_documents import StrictModel

SCHEMA: Literal[1] = 1
# Most paths of one list; a project with more is not made by hand.
_MAX_PATHS = 10_000
Paths = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=4096)], ...], Field(max_length=_MAX_PATHS)
]


class StudioFile(StrictModel):
    """`studio.json`."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    """Version of the format."""
    faceloom_version: str
    """Version of Faceloom that wrote the file."""
    clips: Paths = ()
    """Absolute paths of the videos, the newest last."""
    opened: Paths = ()
    """Absolute paths of face sets, runs and bundles outside the project's folder."""
