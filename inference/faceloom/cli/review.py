"""`faceloom review`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom review faces/ada faces/ben --target clip.mp4 --report review.html"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("review", epilog=_EXAMPLE)(review_command)


def review_command(
    facesets: Annotated[list[Path], typer.Argument(help="The face sets to look at.")],
    report: Annotated[Path, typer.Option(help="The page to write (.html).")],
    target: Annotated[
        Path | None, typer.Option(help="The video the face is to be put into.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Look at every K-th frame of the target.")] = 5,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the report if it exists.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Say what the footage has and lacks, before a single step is trained."""
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.optional_dependencies import needs

    with needs("cpu"):
        from faceloom.progress import run_to_completion
        from faceloom.review import review

    with progress_display() as show:
        summary = run_to_completion(
            review(facesets, target, report, every=every, force=force), show
        )
    print_result(summary, summary.to_text(), json=json)
