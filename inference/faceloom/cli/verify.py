"""`faceloom verify`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom verify swapped.mp4"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("verify", epilog=_EXAMPLE)(verify_command)


def verify_command(
    file: Annotated[Path, typer.Argument(help="A video or a picture, by whatever made it.")],
    anchors: Annotated[
        Path | None, typer.Option(help="PEM certificates whose signatures are trusted as well.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print what is found as one JSON object.")
    ] = False,
) -> None:
    """Say what marks a file carries and whether it is intact.

    Ends with 0 for a marked and intact file, 9 for an unmarked one, 10 for one that was changed after it was signed, 11
    for one that is marked and unsigned.
    """
    from faceloom.cli.console import print_result
    from faceloom.provenance.verify import EXIT_CODES, verify

    found = verify(file, anchors)
    print_result(found, found.to_text(), json=json)
    raise typer.Exit(EXIT_CODES[found.verdict])
