"""The `export` command."""

import os
from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom export runs/ada-ben --identity ben --out ben.bundle"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command (entry point of the group "faceloom.commands")."""
    app.command("export", epilog=_EXAMPLE)(export_command)


def export_command(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    identity: Annotated[str, typer.Option(help="Whose face the bundle lets others wear.")],
    out: Annotated[Path, typer.Option(help="The bundle to write (a folder).")],
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Export a trained identity to ONNX, proven equal to the trained model."""
    from faceloom.cli.console import print_result, progress_display, silent_start
    from faceloom.cli.extras import needs
    from faceloom.progress import finish

    # tf2onnx reads TensorFlow graphs, so this process builds the networks on TensorFlow, whatever trained them.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with needs("train,export"), silent_start():
        from faceloom_export.bundle import export_bundle

    with progress_display() as report:
        summary = finish(export_bundle(run, identity, out, force=force), report)
    print_result(
        summary,
        f"{out}: {summary.identity} at step {summary.step}, {summary.bytes / 1e6:.1f} MB; onnxruntime and Keras "
        f"differ by at most {summary.max_difference} of 255 levels on {summary.faces} faces.",
        json=json,
    )
