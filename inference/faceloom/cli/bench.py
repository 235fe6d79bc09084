"""`faceloom bench`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from faceloom.choices import Decoder, PrecisionChoice

_EXAMPLE = "Example: faceloom bench extract clip.mp4"


def add_commands(app: typer.Typer) -> None:
    """Add the command to `faceloom`.

    Args:
        app: The Typer application.
    """
    app.command("bench", epilog=_EXAMPLE)(bench_command)


def bench_command(
    stage: Annotated[
        Literal["extract", "convert"],
        typer.Argument(metavar="extract|convert", help="What to measure."),
    ],
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="The video to measure with.")],
    every: Annotated[int, typer.Option(min=1, help="extract: use every Nth frame.")] = 1,
    bundle: Annotated[
        Path | None, typer.Option(help="convert: the bundle to measure with.")
    ] = None,
    provider: Annotated[
        str, typer.Option(help="convert: onnxruntime provider: auto, cpu, cuda, tensorrt, ...")
    ] = "auto",
    face_provider: Annotated[
        str,
        typer.Option(
            help="convert: the same for the networks that find and parse faces, except auto."
        ),
    ] = "cpu",
    decoder: Annotated[Decoder, typer.Option(help="convert: what decodes the video.")] = "software",
    precision: Annotated[PrecisionChoice, typer.Option(help="convert: precision.")] = "auto",
    tune: Annotated[
        bool,
        typer.Option(
            "--tune",
            help="convert: first find the fastest batch size of this machine and store it for "
            "later conversions.",
        ),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Measure how fast each stage runs on this machine."""
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.optional_dependencies import requires_extra
    from faceloom.progress import run_to_completion

    with requires_extra("cpu"):
        from faceloom.bench import bench_convert, bench_extract, tune_batch_size
        from faceloom.errors import UsageError
        from faceloom.swap import ConvertOptions

    if (stage == "convert") != (bundle is not None):
        raise UsageError("bench convert needs --bundle BUNDLE; bench extract does not accept it.")
    with progress_display() as report:
        if bundle is None:
            extraction = run_to_completion(bench_extract(video, every), report)
            print_result(extraction, extraction.to_text(), json=json)
            return
        options = ConvertOptions(
            provider=provider, face_provider=face_provider, decoder=decoder, precision=precision
        )
        tuning = ""
        if tune:
            tuning = run_to_completion(tune_batch_size(bundle, options), report).to_text() + "\n"
        conversion = run_to_completion(bench_convert(video, bundle, options), report)
    print_result(conversion, tuning + conversion.to_text(), json=json)
