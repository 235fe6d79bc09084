"""`faceloom inspect`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom inspect ben.bundle"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("inspect", epilog=_EXAMPLE)(inspect_command)


def inspect_command(
    path: Annotated[Path, typer.Argument(help="A bundle, its .zip, a .dfm, a face set or a run.")],
    json: Annotated[
        bool, typer.Option("--json", help="Print what is found as one JSON object.")
    ] = False,
) -> None:
    """Say what a bundle, .dfm, face set or run is, holds and comes from."""
    from faceloom.cli.console import print_result
    from faceloom.cli.optional_dependencies import needs

    with needs("cpu"):
        from faceloom.inspect import inspect_path

    found = inspect_path(path)
    print_result(found, found.to_text(), json=json)
