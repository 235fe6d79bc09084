"""`faceloom demo`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom demo --out demo"


def add_commands(app: typer.Typer) -> None:
    """Add the command to `faceloom`.

    Args:
        app: The Typer application.
    """
    app.command("demo", epilog=_EXAMPLE)(demo_command)


def demo_command(
    out: Annotated[Path, typer.Option(help="Folder for all results.")] = Path("demo"),
    steps: Annotated[
        int | None, typer.Option(min=1, help="Training steps, in place of the demo's own number.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier demo in OUT.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Run `faceloom swap` on the included sample.

    The result is compared with one pasted still and with the ground truth.
    """
    from faceloom.cli.console import print_result
    from faceloom.cli.optional_dependencies import requires_extra
    from faceloom.cli.swap_panel import swap_display

    with requires_extra("cpu"):
        from faceloom.demo import run_demo
        from faceloom.progress import run_to_completion

    with swap_display(f"demo: {out}", json_lines=False) as show:
        summary = run_to_completion(run_demo(out, steps=steps, force=force), show)
    print_result(summary, summary.to_text(), json=json)
