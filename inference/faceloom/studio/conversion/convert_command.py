"""The `faceloom convert` command that the swap page adds to the queue."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from faceloom.errors import UsageError
from faceloom.project.step import OnExisting
from faceloom.studio.conversion.conversion_options import ConversionOptions
from faceloom.studio.conversion.swap_sections import SectionRows
from faceloom.studio.conversion.swap_settings import SwapSettings
from faceloom.studio.jobs.job import JobRequest
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import ItemKind, StudioProject
from faceloom.studio.web.responses import Body
from faceloom.swap import Assignment, SwapRequest
from faceloom.swap.pipeline.target import Target

# Most people of a clip that get bundles of their own.
_MAX_PERSON_BUNDLES = 100


class PersonBundle(Body):
    """A person of the target, and the bundle that this person's face is swapped with."""

    number: Annotated[int, Field(ge=1)]
    """Number of the person among the people of the clip."""
    bundle: str
    """Id of the bundle."""


PersonBundles = Annotated[tuple[PersonBundle, ...], Field(max_length=_MAX_PERSON_BUNDLES)]
"""A bundle for each of several people; all other faces are left as they are."""


class ConvertForm(Body):
    """A conversion as the swap page asks for it."""

    clip: str
    """Id of the target."""
    bundle: str
    """Id of the bundle; it is not used with `person_bundles`."""
    person_bundles: PersonBundles = ()
    """A bundle for each of several people; all other faces are left as they are."""
    name: Annotated[str, Field(max_length=200)]
    """Name of the output, without a folder and without an extension."""
    settings: SwapSettings = SwapSettings()
    """Which faces are swapped and how they are blended."""
    options: ConversionOptions = ConversionOptions()
    """All other options."""
    sections: SectionRows = ()
    """Frames with settings of their own, see `SectionJob`."""

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
        UsageError: The project has no such clip, bundle or person, or the name, a picture or an
            option cannot be used.
    """
    project = studio.project
    clip = project.item(ItemKind.CLIP, form.clip)
    out = form.out(project)
    form.options.check_pictures(studio.readable_roots)
    form.options.to_convert_options(form.settings).check()
    source = swap_request(studio, form)
    options = (*form.settings.to_arguments(), *form.options.to_arguments())
    return convert_job(clip.path, source, out, options)


def convert_job(
    target: Path, source: SwapRequest, out: Path, options: Sequence[str] = ()
) -> JobRequest:
    """Convert a video whose bundle may not exist yet.

    Args:
        target: The video.
        source: The bundle, or the bundle of each person.
        out: The output.
        options: Further arguments of the command.

    Raises:
        UsageError: The path of a bundle cannot be given with `--map`.
    """
    bundles = [source.bundle] if source.bundle else [each.bundle for each in source.assignments]
    names = " and ".join(dict.fromkeys(bundle.stem for bundle in bundles))
    return JobRequest(
        title=f"Swap {target.name} with {names}",
        arguments=(
            "convert", str(target), *_source_arguments(source), "--out", str(out), *options
        ),
        artifact=str(out),
        on_existing=OnExisting.RESUME,
    )  # fmt: skip


def swap_request(studio: Studio, form: ConvertForm) -> SwapRequest:
    """Return the bundle of the conversion, or that of each person.

    Args:
        studio: The studio.
        form: What to convert and how.

    Raises:
        UsageError: The project has no such bundle or person, or the people are chosen twice.
    """
    project = studio.project
    if not form.person_bundles:
        return SwapRequest(bundle=project.item(ItemKind.BUNDLE, form.bundle).path)
    all_settings = (form.settings, *(section.settings for section in form.sections))
    if any(each.select is not None for each in all_settings) or form.options.reference:
        raise UsageError(
            "A bundle for each person cannot be combined with another choice of faces; set Faces "
            "to Largest face, also in sections, and remove the pictures of Swap only."
        )
    clip = project.item(ItemKind.CLIP, form.clip)
    return SwapRequest(
        assignments=tuple(
            Assignment(portrait, project.item(ItemKind.BUNDLE, each.bundle).path)
            for each in form.person_bundles
            for portrait in studio.people.portraits(clip, each.number)
        )
    )


def check_conversion(studio: Studio, form: ConvertForm) -> None:
    """Make the checks of the command before its work: output, encoder, part and label.

    Args:
        studio: The studio.
        form: What to convert and how.

    Raises:
        FaceloomError: As `Target.open`.
    """
    clip = studio.project.item(ItemKind.CLIP, form.clip)
    options = form.options.to_convert_options(form.settings)
    inputs = swap_request(studio, form).inputs
    Target.open(clip.path, form.out(studio.project), options, inputs)


def _source_arguments(source: SwapRequest) -> tuple[str, ...]:
    """Return the arguments that name the bundles.

    Raises:
        UsageError: The path of a bundle cannot be given with `--map`.
    """
    if source.bundle:
        return "--bundle", str(source.bundle)
    arguments: list[str] = []
    for reference, bundle in source.assignments:
        if "=" in str(bundle):
            raise UsageError(f"{bundle} has = in its path, which --map does not take; rename it.")
        arguments += ["--map", f"{reference}={bundle}"]
    return tuple(arguments)
