"""The `faceloom convert` command that the swap page adds to the queue."""

from typing import Annotated

from pydantic import Field

from faceloom.choices import DEFAULT_SPEED, EncodingSpeed
from faceloom.errors import UsageError
from faceloom.project.step import OnExisting
from faceloom.studio.jobs.job import JobRequest
from faceloom.studio.stills.swap_settings import SwapSettings
from faceloom.studio.studio_project import ItemKind, StudioProject
from faceloom.studio.swap_sections import SectionRows
from faceloom.studio.web.responses import Body

# Extension of the videos in `swaps`.
_EXTENSION = ".mp4"


class ConvertForm(Body):
    """A conversion as the swap page asks for it."""

    clip: str
    """Id of the target."""
    bundle: str
    """Id of the bundle."""
    name: Annotated[str, Field(max_length=200)]
    """Name of the output, without a folder and without an extension."""
    speed: EncodingSpeed = DEFAULT_SPEED
    """Encode in little time, or to small files."""
    quality: Annotated[int, Field(ge=0, le=100)] | None = None
    """Video quality; None is the default of `convert`."""
    settings: SwapSettings = SwapSettings()
    """Which faces are swapped and how they are blended."""
    sections: SectionRows = ()
    """Frames with settings of their own, see `SectionJob`."""


def convert_request(project: StudioProject, form: ConvertForm) -> JobRequest:
    """Convert a clip.

    Args:
        project: The project.
        form: What to convert and how.

    Raises:
        UsageError: The project has no such clip or bundle, or the name cannot be used.
    """
    clip = project.item(ItemKind.CLIP, form.clip)
    bundle = project.item(ItemKind.BUNDLE, form.bundle)
    if not form.name.strip():
        raise UsageError("The output has no name; enter one.")
    out = project.new_path(ItemKind.SWAP, form.name.strip() + _EXTENSION)
    speed = () if form.speed == DEFAULT_SPEED else ("--speed", form.speed)
    quality = () if form.quality is None else ("--quality", str(form.quality))
    return JobRequest(
        title=f"Swap {clip.name} with {bundle.name}",
        arguments=(
            "convert",
            str(clip.path),
            "--bundle",
            str(bundle.path),
            "--out",
            str(out),
            *form.settings.to_arguments(),
            *speed,
            *quality,
        ),
        artifact=str(out),
        on_existing=OnExisting.RESUME,
    )
