"""`faceloom verify`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom verify swapped.mp4"


def add_commands(app: typer.Typer) -> None:
    """Add the command to `faceloom`.

    Args:
        app: The Typer application.
    """
    app.command("verify", epilog=_EXAMPLE)(verify_command)


def verify_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A video or picture from any program.")
    ],
    anchors: Annotated[
        Path | None, typer.Option(help="PEM file with certificates to trust in addition.")
    ] = None,
    pixels: Annotated[
        bool,
        typer.Option(
            "--pixels",
            help="Also search the faces for a watermark, in the first 1,200 frames.",
        ),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Show the disclosure marks of a file.

    Also checks whether the file was changed after it was signed.

    Exit codes: 0 if the file is marked and unchanged, 9 if it has no marks, 10 if its signature is
    invalid or was not checked, 11 if it is marked but not signed, 12 if only its pixels are
    marked.
    """
    from faceloom.cli.console import print_result
    from faceloom.provenance.verify import EXIT_CODES, verify

    verification = verify(file, anchors, pixels=pixels)
    print_result(verification, verification.to_text(), json=json)
    raise typer.Exit(EXIT_CODES[verification.verdict])
