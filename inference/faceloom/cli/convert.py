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


class NumberFormat(StrEnum):
    """The numbers that the network computes in."""

    auto = "auto"
    fp32 = "fp32"
    fp16 = "fp16"
    int8 = "int8"


class Baseline(StrEnum):
    """What a trained swap must beat."""

    paste = "paste"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("convert", epilog=_EXAMPLE)(convert_command)


def convert_command(
    target: Annotated[Path, typer.Argument(help="The video whose face is exchanged.")],
    out: Annotated[Path, typer.Option(help="The video to write: .mp4, .mov or .mkv.")],
    bundle: Annotated[Path | None, typer.Option(help="The bundle of the face to wear.")] = None,
    baseline: Annotated[
        Baseline | None, typer.Option(help="Instead of a bundle: paste one still, what a trained swap must beat.")
    ] = None,
    identity: Annotated[Path | None, typer.Option(help="With --baseline: face set of the face to wear.")] = None,
    provider: Annotated[str, typer.Option(help="auto, cpu, cuda, tensorrt, ...")] = "auto",
    precision: Annotated[
        NumberFormat, typer.Option(help="Which of the bundle's graphs runs; auto: what suits the provider.")
    ] = NumberFormat.auto,
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
        from faceloom.swap import ConvertOptions, convert, convert_by_paste

    options = ConvertOptions(
        provider=provider,
        precision=precision.value,
        select=select.value,
        batch=batch,
        colour=colour.value if colour else None,
        erode=erode,
        feather=feather,
        force=force,
    )
    source = _one_source(bundle, baseline, identity)
    work = convert(target, source, out, options) if bundle else convert_by_paste(target, source, out, options)
    with progress_display() as report:
        summary = finish(work, report)
    rate = summary.frames / summary.seconds
    ran = f"{summary.provider} in {summary.precision}" if summary.precision else summary.provider
    print_result(
        summary,
        f"{out}: {summary.swapped_frames} of {summary.frames} frames swapped on {ran}, "
        f"{rate:.1f} frames/s{f', with {source / summary.still}' if summary.still else ''}.",
        json=json,
    )


def _one_source(bundle: Path | None, baseline: Baseline | None, identity: Path | None) -> Path:
    """Return the bundle or the face set that is asked for; raise UsageError unless it is exactly one."""
    from faceloom.errors import UsageError

    if (bundle is None) == (baseline is None):
        raise UsageError("Give one of --bundle BUNDLE and --baseline paste.")
    if bundle and identity:
        raise UsageError("--identity goes with --baseline; a bundle holds its own face, so leave it out.")
    source = bundle or identity
    if source is None:
        raise UsageError("--baseline paste needs --identity FACESET, one of whose faces is pasted.")
    return source
