"""`faceloom demo`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom demo --out demo"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("demo", epilog=_EXAMPLE)(demo_command)


def demo_command(
    out: Annotated[Path, typer.Option(help="The folder to leave everything in.")] = Path("demo"),
    steps: Annotated[
        int | None, typer.Option(min=1, help="Training steps, if not the preset's.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Do the whole job on the sample: extract, train, export, convert, and look at it beside the truth."""
    from faceloom.cli.console import print_result
    from faceloom.cli.optional_dependencies import needs

    with needs("cpu"):
        from faceloom.demo import run_demo

    summary = run_demo(out, steps=steps, force=force)
    print_result(summary, summary.to_text(), json=json)
