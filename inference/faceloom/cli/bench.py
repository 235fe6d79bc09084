"""`faceloom bench`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom bench extract clip.mp4"


class Stage(StrEnum):
    """What can be measured."""

    extract = "extract"
    convert = "convert"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("bench", epilog=_EXAMPLE)(bench_command)


def bench_command(
    stage: Annotated[Stage, typer.Argument(help="What to measure.")],
    video: Annotated[Path, typer.Argument(help="A clip to measure it on.")],
    every: Annotated[int, typer.Option(min=1, help="Extraction: use every K-th frame.")] = 1,
    bundle: Annotated[
        Path | None, typer.Option(help="Conversion: the bundle to measure it with.")
    ] = None,
    provider: Annotated[
        str, typer.Option(help="Conversion: auto, cpu, cuda, tensorrt, ...")
    ] = "auto",
    precision: Annotated[str, typer.Option(help="Conversion: auto, fp32, fp16 or int8.")] = "auto",
    tune: Annotated[
        bool,
        typer.Option(
            "--tune",
            help="Conversion: find the fastest batch here first, for later conversions too.",
        ),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Measure how fast each stage is on this machine."""
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.optional_dependencies import needs
    from faceloom.progress import run_to_completion

    with needs("cpu"):
        from faceloom.bench import bench_convert, bench_extract, tune_network
        from faceloom.errors import UsageError
        from faceloom.swap import ConvertOptions

    if (stage is Stage.convert) != (bundle is not None):
        raise UsageError("bench convert needs --bundle BUNDLE, and bench extract has none.")
    with progress_display() as report:
        if bundle is None:
            extraction = run_to_completion(bench_extract(video, every), report)
            print_result(extraction, extraction.to_text(), json=json)
            return
        options = ConvertOptions(provider=provider, precision=precision)
        tuned = (
            run_to_completion(tune_network(bundle, options), report).to_text() + "\n"
            if tune
            else ""
        )
        conversion = run_to_completion(bench_convert(video, bundle, options), report)
    print_result(conversion, tuned + conversion.to_text(), json=json)
