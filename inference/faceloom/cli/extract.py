"""`faceloom extract`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom extract ada1.mp4 ada2.mp4 --out faces/ada --name ada"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("extract", epilog=_EXAMPLE)(extract_command)


def extract_command(
    inputs: Annotated[list[Path], typer.Argument(help="Videos, pictures, or folders of them.")],
    out: Annotated[Path, typer.Option(help="The face set to write (a folder).")],
    name: Annotated[str | None, typer.Option(help="Whose faces these are; the folder's name if not given.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Use every K-th frame.")] = 1,
    min_size: Annotated[float, typer.Option(min=1, help="Smallest face to take, in pixels.")] = 40,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Collect a person's faces from footage into a face set."""
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.extras import needs

    with needs("cpu"):
        from faceloom.faceset import ExtractOptions, extract
        from faceloom.progress import finish

    options = ExtractOptions(name=name or out.name, every=every, min_size=min_size, force=force)
    with progress_display() as report:
        summary = finish(extract(inputs, out, options), report)
    sentence = f"{out}: {summary.faces} faces of {summary.identity} from {summary.frames} frames."
    print_result(summary, sentence, json=json)
