"""`faceloom inspect`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom inspect ben.bundle"


def add_commands(app: typer.Typer) -> None:
    """Add the command to `faceloom`.

    Args:
        app: The Typer application.
    """
    app.command("inspect", epilog=_EXAMPLE)(inspect_command)


def inspect_command(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="A bundle (folder or .zip), a .dfm, a face set, a run or a project.",
        ),
    ],
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Describe a bundle, .dfm, face set, run or project.

    Shows what it contains and where it comes from.
    """
    from faceloom.cli.console import print_result
    from faceloom.cli.optional_dependencies import requires_extra

    with requires_extra("cpu"):
        from faceloom.inspect import inspect_path

    inspection = inspect_path(path)
    print_result(inspection, inspection.to_text(), json=json)
