"""`faceloom review`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom review faces/ada faces/ben --target clip.mp4 --report review.html"


def add_commands(app: typer.Typer) -> None:
    """Add the command to `faceloom`.

    Args:
        app: The Typer application.
    """
    app.command("review", epilog=_EXAMPLE)(review_command)


def review_command(
    facesets: Annotated[
        list[Path], typer.Argument(metavar="FACESET", help="The face sets to review.")
    ],
    report: Annotated[Path, typer.Option(help="The HTML report to write.")],
    target: Annotated[
        Path | None, typer.Option(help="The target video; coverage is then measured against it.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Measure every Nth frame of the target.")] = 5,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the report if it exists.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Report what face sets cover and lack.

    Use it before training, to find out which footage is missing.
    """
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.optional_dependencies import requires_extra

    with requires_extra("cpu"):
        from faceloom.progress import run_to_completion
        from faceloom.project.presets import preset_of_this_machine
        from faceloom.review import review

    with progress_display() as show:
        summary = run_to_completion(
            review(
                facesets,
                target,
                report,
                every=every,
                force=force,
                choose_preset=preset_of_this_machine,
            ),
            show,
        )
    print_result(summary, summary.to_text(), json=json)
