"""`faceloom bench`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom bench extract clip.mp4"


class Stage(StrEnum):
    """What can be measured."""

    extract = "extract"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("bench", epilog=_EXAMPLE)(bench_command)


def bench_command(
    stage: Annotated[Stage, typer.Argument(help="What to measure.")],
    video: Annotated[Path, typer.Argument(help="A clip to measure it on.")],
    every: Annotated[int, typer.Option(min=1, help="Use every K-th frame.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Measure how fast each stage is on this machine."""
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.extras import needs
    from faceloom.progress import finish

    with needs("cpu"):
        from faceloom.bench import bench_extract

    assert stage is Stage.extract
    with progress_display() as report:
        result = finish(bench_extract(video, every), report)
    print_result(result, result.to_text(), json=json)
