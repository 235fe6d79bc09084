"""`faceloom convert`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom convert clip.mp4 --bundle ben.bundle --out swapped.mp4"


class Color(StrEnum):
    """How the new face's colors are matched."""

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


class Encoder(StrEnum):
    """What encodes the pictures."""

    x264 = "x264"
    x265 = "x265"
    svtav1 = "svtav1"
    nvenc = "nvenc"
    lossless = "lossless"
    png = "png"


class Engine(StrEnum):
    """Where the work is done."""

    local = "local"
    ray = "ray"


class Provenance(StrEnum):
    """What says in the output that faces were exchanged."""

    full = "full"
    tags = "tags"
    off = "off"


class Corner(StrEnum):
    """Where a label stands."""

    top_left = "top-left"
    top_right = "top-right"
    bottom_left = "bottom-left"
    bottom_right = "bottom-right"


class Baseline(StrEnum):
    """What a trained swap must beat."""

    paste = "paste"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("convert", epilog=_EXAMPLE)(convert_command)


def convert_command(
    targets: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[TARGET]...",
            help="A video, a GIF, a picture or a folder of them, or several; - is a video on standard input.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="What to write: .mp4, .mov, .mkv, .webm, .gif, a folder or NAME_%05d.png, a picture; - is Matroska "
            "on standard output. Of several targets, and with --frame, a folder."
        ),
    ] = None,
    job: Annotated[
        Path | None,
        typer.Option(
            help="A .toml file that lists what is converted; other options hold for all of it."
        ),
    ] = None,
    bundle: Annotated[Path | None, typer.Option(help="The bundle of the face to wear.")] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="REF.jpg=BUNDLE: whoever REF shows wears that bundle's face; may be repeated.",
        ),
    ] = None,
    baseline: Annotated[
        Baseline | None,
        typer.Option(help="Instead of a bundle: paste one still, what a trained swap must beat."),
    ] = None,
    identity: Annotated[
        Path | None, typer.Option(help="With --baseline: face set of the face to wear.")
    ] = None,
    provider: Annotated[str, typer.Option(help="auto, cpu, cuda, tensorrt, ...")] = "auto",
    precision: Annotated[
        NumberFormat,
        typer.Option(help="Which of the bundle's graphs runs; auto: what suits the provider."),
    ] = NumberFormat.auto,
    select: Annotated[
        str | None,
        typer.Option(
            help="largest, all or track:N; with --reference all of them, otherwise largest."
        ),
    ] = None,
    reference: Annotated[
        list[Path] | None,
        typer.Option(help="A picture of the person whose face is exchanged; may be repeated."),
    ] = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(help="A picture of someone to be left alone; may be repeated."),
    ] = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Cosine above which two faces are one person.")
    ] = 0.45,
    color: Annotated[
        Color | None, typer.Option(help="Color match; the bundle's own if not given.")
    ] = None,
    mask: Annotated[
        MaskKind, typer.Option(help="The network's mask, the mesh's outline, or both.")
    ] = MaskKind.both,
    erode: Annotated[
        float | None, typer.Option(min=0, max=0.2, help="Shrink the mask, in crop sides.")
    ] = None,
    feather: Annotated[
        float | None, typer.Option(min=0, max=0.2, help="Fade the mask, in crop sides.")
    ] = None,
    encoder: Annotated[Encoder, typer.Option(help="What encodes the pictures.")] = Encoder.x264,
    quality: Annotated[
        int | None, typer.Option(min=0, max=100, help="Of the pictures; 75 if not given.")
    ] = None,
    encoder_option: Annotated[
        list[str] | None,
        typer.Option(help="FFmpeg's own option for the encoder, key=value; may be repeated."),
    ] = None,
    forehead: Annotated[
        float,
        typer.Option(
            min=-0.2, max=0.5, help="How far the outline goes above the mesh, in face heights."
        ),
    ] = 0.08,
    sharpen: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Sharpen the new face; if not given, as far as its target is."
        ),
    ] = None,
    on_missing: Annotated[
        OnMissing,
        typer.Option(help="A frame that lost its face: keep it, show the last face, or fail."),
    ] = OnMissing.keep,
    preview: Annotated[
        Path | None,
        typer.Option(help="Write a PNG with a few moments before and after, and no video."),
    ] = None,
    frame: Annotated[
        str | None,
        typer.Option(
            help="Write one frame (120 or 4.8s) and all that lies between to the folder OUT."
        ),
    ] = None,
    list_tracks: Annotated[
        bool,
        typer.Option(
            "--list-tracks",
            help="Only show the faces of TARGET by number; --preview: their portraits.",
        ),
    ] = False,
    range_: Annotated[
        str | None,
        typer.Option("--range", help="Only a part, A:B, by frames (100:250) or time (4s:10.5s)."),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=256,
            help="Frames that go through together; what `bench convert --tune` found, or 16.",
        ),
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="Where the work is done: here, or on a Ray cluster.")
    ] = Engine.local,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with an interrupted conversion; of several, keep what is done."
        ),
    ] = False,
    provenance: Annotated[
        Provenance,
        typer.Option(
            help="What says in OUT that faces were exchanged: tags, XMP and signed C2PA; no C2PA; nothing."
        ),
    ] = Provenance.full,
    certificate: Annotated[
        Path | None,
        typer.Option(
            help="PEM certificates to sign with, the key's own first, not this machine's."
        ),
    ] = None,
    key: Annotated[Path | None, typer.Option(help="The PEM key of --certificate.")] = None,
    label: Annotated[str | None, typer.Option(help="Draw this text into every frame.")] = None,
    label_position: Annotated[
        Corner, typer.Option(help="Where --label stands.")
    ] = Corner.bottom_left,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Of several targets: where the report goes; OUT/report.json if not given."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Exchange the face in a video; sound, size and times stay as they are."""
    from faceloom.cli.convert_batch import convert_listed, convert_one, convert_several, only_one
    from faceloom.cli.convert_preview import list_faces, try_out
    from faceloom.cli.optional_dependencies import needs

    with needs("cpu"):
        from faceloom.errors import UsageError
        from faceloom.malloc import give_back_large_buffers
        from faceloom.provenance import Label, Marking
        from faceloom.swap import ConvertOptions
        from faceloom.swap.pipeline.batch_jobs import targets_of
        from faceloom.swap.pipeline.swap_request import Wanted, worn_of
        from faceloom.video import Encoding, FrameRange

    give_back_large_buffers()
    if list_tracks:
        if range_:
            raise UsageError("--list-tracks counts from the video's beginning; leave out --range.")
        list_faces(only_one(targets), preview, force=force, json=json)
        return
    options = ConvertOptions(
        provider=provider,
        precision=precision.value,
        select=select,
        reference=tuple(reference or ()),
        exclude=tuple(exclude or ()),
        threshold=threshold,
        batch=batch,
        color=color.value if color else None,
        mask=mask.value,
        erode=erode,
        feather=feather,
        forehead=forehead,
        sharpen=sharpen,
        on_missing=on_missing.value,
        label=Label(label, label_position.value) if label is not None else None,
        marking=Marking(provenance.value, certificate, key),
        encoding=Encoding.parse(encoder.value, quality, encoder_option or ()),
        stretch=FrameRange.parse(range_) if range_ else None,
        engine=engine.value,
        resume=resume,
        force=force,
    )
    worn = tuple(map(worn_of, map_ or ()))
    named = bundle or worn or baseline or identity
    if job and not (preview or frame):
        whose = Wanted.of(bundle, worn, identity, paste=baseline is not None) if named else None
        convert_listed(
            job, [*(targets or ()), *([out] if out else ())], whose, options, report, json=json
        )
        return
    wanted = Wanted.of(bundle, worn, identity, paste=baseline is not None)
    if preview or frame:
        try_out(only_one(targets), wanted, options, sheet=preview, place=frame, out=out, json=json)
        return
    found = targets_of(targets or ())
    # A folder of videos or a pattern is several targets, even if it holds one today.
    if found and (len(found) > 1 or found != targets):
        convert_several(found, out, wanted, options, report, json=json)
    else:
        convert_one(only_one(found), out, wanted, options, json=json)
