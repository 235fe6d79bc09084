"""`faceloom doctor`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom doctor --bundle ben.bundle"


def add_commands(app: typer.Typer) -> None:
    """Add the command to `faceloom`.

    Args:
        app: The Typer application.
    """
    app.command("doctor", epilog=_EXAMPLE)(doctor_command)


def doctor_command(
    bundle: Annotated[
        Path | None, typer.Option(help="Also replay this bundle's golden sample.")
    ] = None,
    provider: Annotated[
        str, typer.Option(help="onnxruntime provider for --bundle: auto, cpu, cuda, ...")
    ] = "auto",
    json: Annotated[
        bool, typer.Option("--json", help="Print the results as one JSON object.")
    ] = False,
) -> None:
    """Check what works on this machine.

    Also shows how to fix what does not work.

    Exit codes: 0 if everything required works, 3 if the bundle is refused, 4 if something required
    does not work.
    """
    from faceloom.cli.console import print_result
    from faceloom.cli.optional_dependencies import requires_extra

    with requires_extra("cpu"):
        from faceloom.doctor import run_checks

    report = run_checks(bundle, provider)
    print_result(report, report.to_text(), json=json)
    if report.exit_code:
        raise typer.Exit(report.exit_code)
