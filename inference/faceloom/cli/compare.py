"""`faceloom compare`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom compare clip.mp4 swapped.mp4 --truth truth.mp4 --identity faces/ben"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("compare", epilog=_EXAMPLE)(compare_command)


def compare_command(
    target: Annotated[Path, typer.Argument(help="The untouched video.")],
    swap: Annotated[Path, typer.Argument(help="The swapped video.")],
    truth: Annotated[Path, typer.Option(help="The exact result, frame by frame.")],
    identity: Annotated[Path, typer.Option(help="Face set of the wanted person.")],
    every: Annotated[int, typer.Option(min=1, help="Look at every K-th frame.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Hold a swap, and the untouched target, against the exact result."""
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.extras import needs

    with needs("cpu"):
        from faceloom.compare import compare_to_truth
        from faceloom.faceset import FaceSet
        from faceloom.progress import finish

    with progress_display() as report:
        result = finish(compare_to_truth(target, swap, truth, FaceSet.read(identity), every), report)
    print_result(result, result.to_text(), json=json)
