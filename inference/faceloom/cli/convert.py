"""`faceloom convert`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom convert clip.mp4 --bundle ben.bundle --out swapped.mp4"


class Colour(StrEnum):
    """How the new face's colours are matched."""

    none = "none"
    lab = "lab"
    rct = "rct"
    histogram = "histogram"


class MaskKind(StrEnum):
    """Where the new face is shown."""

    learned = "learned"
    mesh = "mesh"
    both = "both"


class OnMissing(StrEnum):
    """What is done with a frame that lost its face."""

    keep = "keep"
    last = "last"
    fail = "fail"


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
    out: Annotated[
        Path | None, typer.Option(help="The video to write: .mp4, .mov or .mkv; with --frame a folder.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option(help="The bundle of the face to wear.")] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", help="REF.jpg=BUNDLE: whoever REF shows wears that bundle's face; may be repeated."),
    ] = None,
    baseline: Annotated[
        Baseline | None, typer.Option(help="Instead of a bundle: paste one still, what a trained swap must beat.")
    ] = None,
    identity: Annotated[Path | None, typer.Option(help="With --baseline: face set of the face to wear.")] = None,
    provider: Annotated[str, typer.Option(help="auto, cpu, cuda, tensorrt, ...")] = "auto",
    precision: Annotated[
        NumberFormat, typer.Option(help="Which of the bundle's graphs runs; auto: what suits the provider.")
    ] = NumberFormat.auto,
    select: Annotated[
        str | None, typer.Option(help="largest, all or track:N; with --reference all of them, otherwise largest.")
    ] = None,
    reference: Annotated[
        list[Path] | None, typer.Option(help="A picture of the person whose face is exchanged; may be repeated.")
    ] = None,
    exclude: Annotated[
        list[Path] | None, typer.Option(help="A picture of someone to be left alone; may be repeated.")
    ] = None,
    threshold: Annotated[float, typer.Option(min=0, max=1, help="Cosine above which two faces are one person.")] = 0.45,
    colour: Annotated[Colour | None, typer.Option(help="Colour match; the bundle's own if not given.")] = None,
    mask: Annotated[MaskKind, typer.Option(help="The network's mask, the mesh's outline, or both.")] = MaskKind.both,
    erode: Annotated[float | None, typer.Option(min=0, max=0.2, help="Shrink the mask, in crop sides.")] = None,
    feather: Annotated[float | None, typer.Option(min=0, max=0.2, help="Fade the mask, in crop sides.")] = None,
    forehead: Annotated[
        float, typer.Option(min=-0.2, max=0.5, help="How far the outline goes above the mesh, in face heights.")
    ] = 0.08,
    sharpen: Annotated[float, typer.Option(min=0, max=1, help="Sharpen the new face.")] = 0.0,
    on_missing: Annotated[
        OnMissing, typer.Option(help="A frame that lost its face: keep it, show the last face, or fail.")
    ] = OnMissing.keep,
    preview: Annotated[
        Path | None, typer.Option(help="Write a PNG with a few moments before and after, and no video.")
    ] = None,
    frame: Annotated[
        str | None, typer.Option(help="Write one frame (120 or 4.8s) and all that lies between to the folder OUT.")
    ] = None,
    list_tracks: Annotated[
        bool, typer.Option("--list-tracks", help="Only show the faces of TARGET by number; --preview: their portraits.")
    ] = False,
    batch: Annotated[int, typer.Option(min=1, max=256, help="Frames that go through together.")] = 16,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Exchange the face in a video; sound, size and times stay as they are."""
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.convert_trial import list_faces, try_out
    from faceloom.cli.convert_wish import wish_of
    from faceloom.cli.extras import needs

    with needs("cpu"):
        from faceloom.progress import finish
        from faceloom.swap import ConvertOptions

    if list_tracks:
        list_faces(target, preview, force=force, json=json)
        return
    options = ConvertOptions(
        provider=provider,
        precision=precision.value,
        select=select,
        reference=tuple(reference or ()),
        exclude=tuple(exclude or ()),
        threshold=threshold,
        batch=batch,
        colour=colour.value if colour else None,
        mask=mask.value,
        erode=erode,
        feather=feather,
        forehead=forehead,
        sharpen=sharpen,
        on_missing=on_missing.value,
        force=force,
    )
    wish = wish_of(bundle, map_ or [], baseline is not None, identity)
    if preview or frame:
        try_out(target, wish.open(options), options, sheet=preview, place=frame, out=out, json=json)
        return
    out = _needed(out)
    with progress_display() as report:
        summary = finish(wish.convert(target, out, options), report)
    rate = summary.frames / summary.seconds
    ran = f"{summary.provider} in {summary.precision}" if summary.precision else summary.provider
    still = f", with {identity / summary.still}" if identity and summary.still else ""
    missing = f" In {summary.missing_frames} frames a face was lost." if summary.missing_frames else ""
    print_result(
        summary,
        f"{out}: {summary.swapped_frames} of {summary.frames} frames swapped on {ran}, "
        f"{rate:.1f} frames/s{still}.{missing}",
        json=json,
    )


def _needed(out: Path | None) -> Path:
    from faceloom.errors import UsageError

    if out is None:
        raise UsageError("Give --out OUT, or --preview SHEET.png to see a few moments without writing a video.")
    return out
