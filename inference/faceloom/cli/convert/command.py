"""`faceloom convert`."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from faceloom.choices import (
    DEFAULT_SPEED,
    MAX_FOREHEAD,
    MAX_MASK_WIDTH,
    MIN_FOREHEAD,
    Baseline,
    ColorTransfer,
    Decoder,
    EncoderName,
    EncodingSpeed,
    Engine,
    GlassesChoice,
    LabelPosition,
    MarkLevel,
    MaskKind,
    OnDamaged,
    OnMissing,
    PrecisionChoice,
    StreamMode,
)
from faceloom.cli.grouped_help import GroupedCommand
from faceloom.errors import UsageError

_EXAMPLE = "Example: faceloom convert clip.mp4 --bundle ben.bundle --out swapped.mp4"

# Options by their heading in the help text.
_source = partial(typer.Option, rich_help_panel="Source")
_output = partial(typer.Option, rich_help_panel="Output")
_select = partial(typer.Option, rich_help_panel="Face selection")
_blending = partial(typer.Option, rich_help_panel="Blending")
_preview = partial(typer.Option, rich_help_panel="Preview")
_performance = partial(typer.Option, rich_help_panel="Performance")
_disclosure = partial(typer.Option, rich_help_panel="Disclosure")


def add_commands(app: typer.Typer) -> None:
    """Add the command to `faceloom`.

    Args:
        app: The Typer application.
    """
    app.command("convert", cls=GroupedCommand, epilog=_EXAMPLE)(convert_command)


def convert_command(
    targets: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="TARGET",
            help="One or more videos, GIFs, pictures, or folders of them; - reads a video from "
            "standard input.",
        ),
    ] = None,
    bundle: Annotated[
        Path | None,
        _source(help="The bundle of the source: its face is put on the person in TARGET."),
    ] = None,
    map_: Annotated[
        list[str] | None,
        _source(
            "--map",
            metavar="REF.jpg=BUNDLE",
            help="Swap the person in picture REF.jpg with this bundle; may be repeated.",
        ),
    ] = None,
    baseline: Annotated[
        Baseline | None,
        _source(
            help="Paste one still instead of using a bundle, for comparison with a trained swap."
        ),
    ] = None,
    identity: Annotated[
        Path | None,
        _source(help="With --baseline: the face set of the source identity."),
    ] = None,
    out: Annotated[
        Path | None,
        _output(
            help="The output: .mp4, .mov, .mkv, .webm, .gif, a picture, a folder or NAME_%05d.png "
            "for pictures; - writes Matroska to standard output. A folder for several targets and "
            "for --frame."
        ),
    ] = None,
    job: Annotated[
        Path | None,
        _output(
            help="A job file (.toml) that lists targets and outputs; other options apply to all."
        ),
    ] = None,
    range_: Annotated[
        str | None,
        _output(
            "--range",
            metavar="START:STOP",
            help="Convert only a part: frames (100:250) or times (4s:10.5s).",
        ),
    ] = None,
    encoder: Annotated[
        EncoderName,
        _output(help="Video encoder; auto suits OUT and TARGET."),
    ] = "auto",
    quality: Annotated[
        int | None,
        _output(min=0, max=100, help="Video quality; 75 if not given."),
    ] = None,
    speed: Annotated[
        EncodingSpeed,
        _output(help="Encode in little time, or to small files."),
    ] = DEFAULT_SPEED,
    encoder_option: Annotated[
        list[str] | None,
        _output(metavar="KEY=VALUE", help="An FFmpeg option of the encoder; may be repeated."),
    ] = None,
    streams: Annotated[
        StreamMode,
        _output(
            help="Sound and subtitles: copy them and transcode or leave out what OUT cannot hold "
            "(auto), refuse unless all are copied (keep), transcode all to what every player "
            "plays, or leave out what cannot be copied (drop)."
        ),
    ] = "auto",
    on_damaged: Annotated[
        OnDamaged,
        _output(help="At a damaged frame of TARGET: stop, or show the frame before again."),
    ] = "stop",
    report: Annotated[
        Path | None,
        _output(help="With several targets: the JSON report; OUT/report.json if not given."),
    ] = None,
    resume: Annotated[
        bool,
        _output(
            "--resume",
            help="Continue an interrupted conversion; with several targets, skip finished ones.",
        ),
    ] = False,
    force: Annotated[bool, _output("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[
        bool,
        _output("--json", help="Print the result as one JSON object."),
    ] = False,
    select: Annotated[
        str | None,
        _select(
            help="Which faces to swap: largest, all or track:N. If not given: all faces that match "
            "--reference, or the largest face without it."
        ),
    ] = None,
    reference: Annotated[
        list[Path] | None,
        _select(metavar="PICTURE", help="A picture of a person to swap; may be repeated."),
    ] = None,
    exclude: Annotated[
        list[Path] | None,
        _select(metavar="PICTURE", help="A picture of a person not to swap; may be repeated."),
    ] = None,
    threshold: Annotated[
        float,
        _select(min=0, max=1, help="Similarity above which two faces are the same person."),
    ] = 0.45,
    on_missing: Annotated[
        OnMissing,
        _select(
            help="If a face is lost in a frame: keep the frame as it is, paste the last swapped "
            "face, or fail."
        ),
    ] = "keep",
    color: Annotated[
        ColorTransfer | None,
        _blending(help="Color transfer; the bundle's suggestion if not given."),
    ] = None,
    mask: Annotated[
        MaskKind,
        _blending(
            help="regions keeps hair and hands in front; both is the minimum of learned and mesh."
        ),
    ] = "regions",
    glasses: Annotated[
        GlassesChoice,
        _blending(help="Whose glasses are shown; auto keeps the target's in front of the guest's."),
    ] = "auto",
    erode: Annotated[
        float | None,
        _blending(
            min=0,
            max=MAX_MASK_WIDTH,
            help="Shrink the mask by this many crop sides; the bundle's suggestion if not given.",
        ),
    ] = None,
    feather: Annotated[
        float | None,
        _blending(
            min=0,
            max=MAX_MASK_WIDTH,
            help="Blur the edge by this many crop sides; the bundle's suggestion if not given.",
        ),
    ] = None,
    forehead: Annotated[
        float,
        _blending(
            min=MIN_FOREHEAD,
            max=MAX_FOREHEAD,
            help="How far the mesh mask extends above the mesh, in face heights.",
        ),
    ] = 0.08,
    sharpen: Annotated[
        float | None,
        _blending(
            min=0,
            max=1,
            help="Sharpening amount; if not given, up to the target's sharpness and the bundle's "
            "limit.",
        ),
    ] = None,
    preview: Annotated[
        Path | None,
        _preview(help="Write a PNG that shows a few frames before and after, and no video."),
    ] = None,
    frame: Annotated[
        str | None,
        _preview(
            help="Write one frame (120 or 4.8s) and every intermediate image to the folder OUT."
        ),
    ] = None,
    list_tracks: Annotated[
        bool,
        _preview(
            "--list-tracks",
            help="List the face tracks of TARGET; with --preview, also write their pictures.",
        ),
    ] = False,
    estimate: Annotated[
        bool,
        _preview(
            "--estimate",
            help="Estimate the duration of the conversion and the size of OUT from a few frames.",
        ),
    ] = False,
    provider: Annotated[str, _performance(help="onnxruntime: auto, cpu, cuda, ...")] = "auto",
    face_provider: Annotated[
        str, _performance(help="The same for the networks that find and parse faces, except auto.")
    ] = "cpu",
    decoder: Annotated[
        Decoder, _performance(help="What decodes TARGET; cuda is the decoder of an NVIDIA GPU.")
    ] = "software",
    precision: Annotated[
        PrecisionChoice,
        _performance(
            help="Which of the bundle's graphs to run; auto takes the best for the provider."
        ),
    ] = "auto",
    batch_size: Annotated[
        int | None,
        _performance(
            min=1,
            max=256,
            help="Frames per batch; if not given, the result of `bench convert --tune`, or 16.",
        ),
    ] = None,
    engine: Annotated[Engine, _performance(help="Run here, or on a Ray cluster.")] = "local",
    workers: Annotated[
        int | None,
        _performance(
            min=1, max=64, help="Processes that swap; chosen by cores and memory if not given."
        ),
    ] = None,
    provenance: Annotated[
        MarkLevel,
        _disclosure(
            help="Disclosure marks in OUT: tags, XMP and C2PA (full), no C2PA (tags), none (off)."
        ),
    ] = "full",
    watermark: Annotated[
        bool,
        _disclosure(
            "--watermark",
            help="Also mark the pixels of swapped faces; may show as faint texture of the skin.",
        ),
    ] = False,
    certificate: Annotated[
        Path | None,
        _disclosure(
            help="PEM certificate chain to sign with, the key's first; this machine's if not given."
        ),
    ] = None,
    key: Annotated[
        Path | None,
        _disclosure(help="The private key of --certificate (PEM)."),
    ] = None,
    label: Annotated[
        str | None,
        _disclosure(help='Draw this text into every frame; "eu" draws "AI MODIFIED".'),
    ] = None,
    label_position: Annotated[
        LabelPosition | None,
        _disclosure(help="The corner of --label; bottom-left if not given, top-right for eu."),
    ] = None,
) -> None:
    """Swap faces in a video. Sound, frame size and timing stay the same.

    The bundle's face (`export --identity ben`: ben's) is put on the person in TARGET.
    """
    values = dict(locals())
    from faceloom.cli.convert.batch import (
        check_no_bundle,
        convert_job_file,
        convert_many,
        convert_one,
        single_target,
    )
    from faceloom.cli.convert.options import convert_options
    from faceloom.cli.convert.preview import (
        print_estimate,
        print_tracks,
        write_preview_or_frame,
    )
    from faceloom.cli.optional_dependencies import requires_extra

    with requires_extra("cpu"):
        from faceloom.swap import SwapRequest
        from faceloom.swap.batch.batch_jobs import find_targets
        from faceloom.swap.pipeline.malloc import set_malloc_thresholds
        from faceloom.swap.pipeline.swap_request import parse_map_option

    def request() -> SwapRequest:
        assignments = tuple(map(parse_map_option, map_ or ()))
        return SwapRequest.from_options(bundle, assignments, identity, paste=baseline is not None)

    set_malloc_thresholds()
    check_no_bundle(targets or ())
    if list_tracks:
        if range_:
            raise UsageError("--list-tracks always reads the whole video; leave out --range.")
        print_tracks(single_target(targets), preview, force=force, json=json)
        return
    options = convert_options(values)
    if job and not (preview or frame):
        has_source = bundle or map_ or baseline or identity
        extra_paths = [*(targets or ()), *([out] if out else ())]
        default_request = request() if has_source else None
        convert_job_file(job, extra_paths, default_request, options, report, json=json)
        return
    source = request()
    if estimate:
        print_estimate(single_target(targets), out, source, options, json=json)
        return
    if preview or frame:
        target = single_target(targets)
        write_preview_or_frame(
            target, source, options, sheet=preview, place=frame, out=out, json=json
        )
        return
    paths = find_targets(targets or ())
    # A folder of videos or a pattern counts as several targets even if it contains one.
    if paths and (len(paths) > 1 or paths != targets):
        convert_many(paths, out, source, options, report, json=json)
    else:
        convert_one(single_target(paths), out, source, options, json=json)
