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
    precision: Annotated[
        list[str], typer.Option(help="fp32, fp16 or int8; several with commas, or repeat the option.")
    ] = ["fp32"],  # noqa: B006 - typer copies it
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Write graphs that miss their limits as well, and record it.")
    ] = False,
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
        from faceloom_export.bundle import ExportOptions, export_bundle

    precisions = [name.strip() for names in precision for name in names.split(",")]
    options = ExportOptions(precisions, accept_loss, force)  # type: ignore[arg-type]  # checked there
    with progress_display() as report:
        summary = finish(export_bundle(run, identity, out, options), report)
    graphs = "; ".join(
        f"{graph.precision} {graph.bytes / 1e6:.1f} MB, at most {graph.proof.max_difference} of 255 levels from "
        f"Keras (mean {graph.proof.mean_difference:.3f}), SSIM {graph.proof.similarity:.4f}"
        for graph in summary.graphs
    )
    print_result(
        summary,
        f"{out}: {summary.identity} at step {summary.step}, proven on {summary.graphs[0].proof.faces} faces: {graphs}.",
        json=json,
    )
