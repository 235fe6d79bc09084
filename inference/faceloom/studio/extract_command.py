"""The `faceloom extract` command that the project page adds to the queue."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from faceloom.errors import UsageError
from faceloom.project.step import OnExisting
from faceloom.studio.jobs.job import JobRequest
from faceloom.studio.studio_project import Item, ItemKind, StudioProject

FrameInterval = Annotated[int, Field(ge=1, le=10_000)]
"""Every how many frames an extraction uses one."""


def extract_request(
    project: StudioProject,
    name: str,
    clips: Sequence[Item],
    references: Sequence[Path] = (),
    *,
    every: int,
    add: bool,
) -> JobRequest:
    """Extract a person's faces.

    Args:
        project: The project.
        name: Name of the person and of the face set.
        clips: The videos.
        references: Pictures of the person; without any, the most frequent person.
        every: Every how many frames one is used.
        add: Whether faces are added to a face set of this name.

    Raises:
        UsageError: No video is given, the name cannot be used, or the face set exists.
    """
    if not clips:
        raise UsageError("Choose at least one video to take faces from.")
    out = project.new_path(ItemKind.FACES, name)
    if out.exists() and not add:
        raise UsageError(f"There is a face set {name} already; choose another name, or add to it.")
    paths = [str(clip.path) for clip in clips]
    options = ["--out", str(out), "--every", str(every), *(["--add"] if add else [])]
    options += [part for path in references for part in ("--reference", str(path))]
    return JobRequest(
        title=f"Extract the faces of {name}",
        arguments=("extract", *paths, *options),
        artifact=str(out),
        on_existing=OnExisting.CONTINUE,
    )
