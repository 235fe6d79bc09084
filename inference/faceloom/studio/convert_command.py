"""The `faceloom convert` command that the swap page adds to the queue."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from faceloom.errors import UsageError
from faceloom.project.step import OnExisting
from faceloom.studio.conversion_options import ConversionOptions
from faceloom.studio.jobs.job import JobRequest
from faceloom.studio.stills.swap_settings import SwapSettings
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import ItemKind, StudioProject
from faceloom.studio.web.responses import Body
from faceloom.swap.pipeline.target import Target


class ConvertForm(Body):
    """A conversion as the swap page asks for it."""

    clip: str
    """Id of the target."""
    bundle: str
    """Id of the bundle."""
    name: Annotated[str, Field(max_length=200)]
    """Name of the output, without a folder and without an extension."""
    settings: SwapSettings = SwapSettings()
    """Which faces are swapped and how they are blended."""
    options: ConversionOptions = ConversionOptions()
    """All other options."""

    def out(self, project: StudioProject) -> Path:
        """Return the path of the output.

        Args:
            project: The project.

        Raises:
            UsageError: The name cannot be used.
        """
        if not self.name.strip():
            raise UsageError("The output has no name; enter one.")
        return project.new_path(ItemKind.SWAP, f"{self.name.strip()}.{self.options.container}")


def convert_request(studio: Studio, form: ConvertForm) -> JobRequest:
    """Convert a clip.

    Args:
        studio: The studio.
        form: What to convert and how.

    Raises:
        UsageError: The project has no such clip or bundle, or the name, a picture or an option
            cannot be used.
    """
    project = studio.project
    clip = project.item(ItemKind.CLIP, form.clip)
    bundle = project.item(ItemKind.BUNDLE, form.bundle)
    out = form.out(project)
    form.options.check_pictures(studio.readable_roots)
    form.options.to_convert_options(form.settings).check()
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
            *form.options.to_arguments(),
        ),
        artifact=str(out),
        on_existing=OnExisting.RESUME,
    )


def check_conversion(studio: Studio, form: ConvertForm) -> None:
    """Check what the command checks before its work: the output, the encoder, the part, the label.

    Args:
        studio: The studio.
        form: What to convert and how.

    Raises:
        FaceloomError: As `Target.open`.
    """
    project = studio.project
    clip = project.item(ItemKind.CLIP, form.clip)
    bundle = project.item(ItemKind.BUNDLE, form.bundle)
    options = form.options.to_convert_options(form.settings)
    Target.open(clip.path, form.out(project), options, (bundle.path,))
