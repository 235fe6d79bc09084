"""The `export` and `import` commands."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_EXPORT_EXAMPLE = "Example: faceloom export runs/ada-ben --identity ben --out ben.bundle"
_IMPORT_EXAMPLE = "Example: faceloom import ben.dfm --name ben --out ben.bundle"


class Format(StrEnum):
    """What is written."""

    bundle = "bundle"
    dfm = "dfm"


class Host(StrEnum):
    """Whose crop a .dfm is made for."""

    dfl = "dfl"
    deepfacelive = "deepfacelive"
    facefusion = "facefusion"
    visomaster = "visomaster"


class Side(StrEnum):
    """Which of a faceswap model's two people."""

    a = "a"
    b = "b"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command (entry point of the group "faceloom.commands")."""
    app.command("export", epilog=_EXPORT_EXAMPLE)(export_command)
    app.command("import", epilog=_IMPORT_EXAMPLE)(import_command)


def export_command(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    identity: Annotated[str, typer.Option(help="Whose face the bundle lets others wear.")],
    out: Annotated[
        Path, typer.Option(help="The bundle to write (a folder, or NAME.zip), or NAME.dfm.")
    ],
    form: Annotated[
        Format, typer.Option("--format", help="dfm: for DeepFaceLive, FaceFusion and VisoMaster.")
    ] = Format.bundle,
    precision: Annotated[
        list[str],
        typer.Option(help="fp32, fp16 or int8; several with commas, or repeat the option."),
    ] = ["fp32"],  # noqa: B006 - typer copies it
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss", help="Write graphs that miss their limits as well, and record it."
        ),
    ] = False,
    step: Annotated[
        str,
        typer.Option(
            help="Of which checkpoint: last, best (what evaluations marked), or a step's number."
        ),
    ] = "last",
    target: Annotated[
        str | None,
        typer.Option(
            help="With --format dfm: whose face is replaced; the first other one if not given."
        ),
    ] = None,
    host: Annotated[
        Host | None,
        typer.Option(help="With --format dfm: whose crop it fits; DeepFaceLab's if not given."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Export a trained identity to ONNX, proven equal to the trained model."""
    from faceloom.cli.console import print_result, progress_display, silent_start
    from faceloom.cli.optional_dependencies import needs
    from faceloom.errors import UsageError
    from faceloom.progress import run_to_completion

    if (target or host) and form is not Format.dfm:
        raise UsageError(
            "--target and --host go with --format dfm; a bundle fits any target and our own crop."
        )
    precisions = [name.strip() for names in precision for name in names.split(",")]
    if form is Format.dfm and (precisions != ["fp32"] or accept_loss):
        raise UsageError(
            "A .dfm is always fp32 and without loss; leave out --precision and --accept-loss."
        )
    # tf2onnx reads TensorFlow graphs, so this process builds the networks on TensorFlow, whatever trained them.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with needs("train,export"), silent_start():
        from faceloom_export.bundle.export_bundle import ExportOptions, export_bundle
        from faceloom_export.dfm.export_dfm import export_dfm

    if form is Format.dfm:
        with progress_display() as report:
            work = export_dfm(
                run,
                identity,
                out,
                target=target,
                host=host.value if host else "dfl",
                step=step,
                force=force,
            )
            made = run_to_completion(work, report)
        print_result(
            made,
            f"{out}: {made.identity} at step {made.step}, {made.bytes / 1e6:.1f} MB; onnxruntime and Keras differ by "
            f"at most {made.max_difference} of 255 levels (mean {made.mean_difference:.4f}) on {made.faces} faces.",
            json=json,
        )
        return
    options = ExportOptions(precisions, accept_loss, step, force)  # type: ignore[arg-type]  # checked there
    with progress_display() as report:
        summary = run_to_completion(export_bundle(run, identity, out, options), report)
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


def import_command(
    file: Annotated[
        Path, typer.Argument(help="A .dfm, or the .keras file of a faceswap model `original`.")
    ],
    name: Annotated[str, typer.Option(help="Whose face it is.")],
    out: Annotated[Path, typer.Option(help="The bundle to write (a folder, or NAME.zip).")],
    morph: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Fix the slider of a .dfm that has one: 0 the target, 1 the new face.",
        ),
    ] = 1.0,
    side: Annotated[Side, typer.Option(help="Whose decoder of a faceswap model.")] = Side.b,
    coverage: Annotated[
        float,
        typer.Option(
            min=0.5, max=1.5, help="A faceswap model's crop, in sides of DeepFaceLab's whole face."
        ),
    ] = 1.0,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Turn another program's model into a bundle; nothing of the file is executed as code."""
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.optional_dependencies import needs
    from faceloom.progress import run_to_completion

    with needs("train,export"):
        from faceloom_export.bundle.import_model import ImportOptions, import_model

    options = ImportOptions(name, morph=morph, side=side.value, coverage=coverage, force=force)
    with progress_display() as report:
        summary = run_to_completion(import_model(file, out, options), report)
    print_result(
        summary,
        f"{out}: {summary.identity} from a {summary.format} model, {summary.size} px, {summary.bytes / 1e6:.1f} MB; "
        f"the bundle and the model differ by at most {summary.max_difference} of 255 levels on {summary.faces} faces.",
        json=json,
    )
