"""`faceloom convert`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom convert clip.mp4 --bundle ben.bundle --out swapped.mp4"


class Select(StrEnum):
    """Which faces are swapped."""

    largest = "largest"
    all = "all"


class Colour(StrEnum):
    """How the new face's colours are matched."""

    none = "none"
    lab = "lab"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("convert", epilog=_EXAMPLE)(convert_command)


def convert_command(
    target: Annotated[Path, typer.Argument(help="The video whose face is exchanged.")],
    bundle: Annotated[Path, typer.Option(help="The bundle of the face to wear.")],
    out: Annotated[Path, typer.Option(help="The video to write: .mp4, .mov or .mkv.")],
    provider: Annotated[str, typer.Option(help="auto, cpu, cuda, tensorrt, ...")] = "auto",
    select: Annotated[Select, typer.Option(help="Which faces to swap in each frame.")] = Select.largest,
    colour: Annotated[Colour | None, typer.Option(help="Colour match; the bundle's own if not given.")] = None,
    erode: Annotated[float | None, typer.Option(min=0, max=0.2, help="Shrink the mask, in crop sides.")] = None,
    feather: Annotated[float | None, typer.Option(min=0, max=0.2, help="Fade the mask, in crop sides.")] = None,
    batch: Annotated[int, typer.Option(min=1, max=256, help="Frames that go through together.")] = 16,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Exchange the face in a video; sound, size and times stay as they are."""
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.extras import needs

    with needs("cpu"):
        from faceloom.progress import finish
        from faceloom.swap import ConvertOptions, convert

    options = ConvertOptions(
        provider=provider,
        select=select.value,
        batch=batch,
        colour=colour.value if colour else None,
        erode=erode,
        feather=feather,
        force=force,
    )
    with progress_display() as report:
        summary = finish(convert(target, bundle, out, options), report)
    rate = summary.frames / summary.seconds
    print_result(
        summary,
        f"{out}: {summary.swapped_frames} of {summary.frames} frames swapped on {summary.provider}, "
        f"{rate:.1f} frames/s.",
        json=json,
    )
