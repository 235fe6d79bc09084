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


class Encoder(StrEnum):
    """What encodes the pictures."""

    x264 = "x264"
    x265 = "x265"
    svtav1 = "svtav1"
    nvenc = "nvenc"
    lossless = "lossless"
    png = "png"


class Baseline(StrEnum):
    """What a trained swap must beat."""

    paste = "paste"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("convert", epilog=_EXAMPLE)(convert_command)


def convert_command(
    target: Annotated[
        Path, typer.Argument(help="A video, a GIF, a picture or a folder of them; - is a video on standard input.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="What to write: .mp4, .mov, .mkv, .webm, .gif, a folder or NAME_%05d.png, a picture; - is Matroska "
            "on standard output."
        ),
    ],
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
    encoder: Annotated[Encoder, typer.Option(help="What encodes the pictures.")] = Encoder.x264,
    quality: Annotated[int | None, typer.Option(min=0, max=100, help="Of the pictures; 75 if not given.")] = None,
    encoder_option: Annotated[
        list[str] | None, typer.Option(help="FFmpeg's own option for the encoder, key=value; may be repeated.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=256, help="Frames that go through together.")] = 16,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Exchange the face in a video; sound, size and times stay as they are."""
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.extras import needs

    with needs("cpu"):
        from faceloom.errors import UsageError
        from faceloom.progress import finish
        from faceloom.swap import ConvertOptions, convert, convert_by_paste
        from faceloom.video import Encoding, spooled

    options = ConvertOptions(
        provider=provider,
        precision=precision.value,
        select=select.value,
        batch=batch,
        colour=colour.value if colour else None,
        erode=erode,
        feather=feather,
        force=force,
        encoding=Encoding.parse(encoder.value, quality, encoder_option or ()),
    )
    source = _one_source(bundle, baseline, identity)
    to_standard_output = str(out) == "-"
    if json and to_standard_output:
        raise UsageError("--json and --out - both need standard output; leave one out.")
    run = convert if bundle else convert_by_paste
    with spooled(target) as read, progress_display() as report:
        summary = finish(run(read, source, out, options), report)
    rate = summary.frames / summary.seconds
    ran = f"{summary.provider} in {summary.precision}" if summary.precision else summary.provider
    print_result(
        summary,
        f"{out}: {summary.swapped_frames} of {summary.frames} frames swapped on {ran}, "
        f"{rate:.1f} frames/s{f', with {source / summary.still}' if summary.still else ''}.",
        json=json,
        aside=to_standard_output,
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
