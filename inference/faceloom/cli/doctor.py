"""`faceloom doctor`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom doctor --bundle ben.bundle"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("doctor", epilog=_EXAMPLE)(doctor_command)


def doctor_command(
    bundle: Annotated[
        Path | None, typer.Option(help="Also replay this bundle's golden sample.")
    ] = None,
    provider: Annotated[str, typer.Option(help="The provider to replay it on.")] = "auto",
    json: Annotated[
        bool, typer.Option("--json", help="Print the findings as one JSON object.")
    ] = False,
) -> None:
    """Say what this machine can do, and what to do about what is missing."""
    from faceloom.cli.console import print_result
    from faceloom.cli.optional_dependencies import needs

    with needs("cpu"):
        from faceloom.doctor import examine

    report = examine(bundle, provider)
    print_result(report, report.to_text(), json=json)
    if report.exit_code:
        raise typer.Exit(report.exit_code)
