"""The `export` and `import` commands."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from faceloom_export.dfm.host_programs import HostProgram

if TYPE_CHECKING:
    from faceloom_export.bundle.export_bundle import ExportOptions, ExportSummary
    from faceloom_export.dfm.export_dfm import DfmSummary

_EXPORT_EXAMPLE = "Example: faceloom export runs/ada-ben --identity ben --out ben.bundle"
_IMPORT_EXAMPLE = "Example: faceloom import ben.dfm --name ben --out ben.bundle"


def add_commands(app: typer.Typer) -> None:
    """Add the commands to `faceloom` (entry point of the group "faceloom.commands")."""
    app.command("export", epilog=_EXPORT_EXAMPLE)(export_command)
    app.command("import", epilog=_IMPORT_EXAMPLE)(import_command)


def export_command(
    run: Annotated[Path, typer.Argument(help="Folder of the run.")],
    identity: Annotated[str, typer.Option(help="Whose face is put on the person in TARGET.")],
    out: Annotated[
        Path, typer.Option(help="The bundle to write (a folder or NAME.zip), or NAME.dfm.")
    ],
    output_format: Annotated[
        Literal["bundle", "dfm"],
        typer.Option("--format", help="dfm: for DeepFaceLive, FaceFusion and VisoMaster."),
    ] = "bundle",
    precision: Annotated[
        list[str],
        typer.Option(
            help="fp32, fp16 or int8; for several, separate them by commas or repeat the option."
        ),
    ] = ["fp32"],  # noqa: B006 - typer copies it
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss",
            help="Write graphs that exceed their limits as well, and record it in the manifest.",
        ),
    ] = False,
    step: Annotated[
        str,
        typer.Option(
            help="The checkpoint: last, best (as marked by the evaluations) or a step number."
        ),
    ] = "last",
    target: Annotated[
        str | None,
        typer.Option(
            help="With --format dfm: the identity whose face is replaced; "
            "the first other one if not given."
        ),
    ] = None,
    host_program: Annotated[
        HostProgram | None,
        typer.Option(
            help="With --format dfm: the program whose crop the file fits; "
            "dfl (DeepFaceLab) if not given."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Export a trained identity to ONNX, checked against the trained model."""
    from faceloom.cli.console import print_result, progress_display, silence_stderr
    from faceloom.cli.optional_dependencies import requires_extra
    from faceloom.progress import run_to_completion

    precisions = [name.strip() for names in precision for name in names.split(",")]
    is_dfm = output_format == "dfm"
    _check_format_options(
        is_dfm=is_dfm,
        has_dfm_options=bool(target or host_program),
        has_bundle_options=precisions != ["fp32"] or accept_loss,
    )
    # tf2onnx reads TensorFlow graphs, so the networks are built on TensorFlow, whatever backend
    # trained them.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with requires_extra("train,export"), silence_stderr():
        from faceloom_export.bundle.export_bundle import export_bundle
        from faceloom_export.dfm.export_dfm import export_dfm

    if is_dfm:
        host = host_program or "dfl"
        dfm_work = export_dfm(run, identity, out, target=target, host=host, step=step, force=force)
        with progress_display() as report:
            dfm = run_to_completion(dfm_work, report)
        print_result(dfm, _dfm_sentence(out, dfm), json=json)
        return
    options = _bundle_options(precisions, accept_loss=accept_loss, step=step, force=force)
    with progress_display() as report:
        bundle = run_to_completion(export_bundle(run, identity, out, options), report)
    print_result(bundle, _bundle_sentence(out, bundle), json=json)


def _check_format_options(*, is_dfm: bool, has_dfm_options: bool, has_bundle_options: bool) -> None:
    """Raise UsageError for an option that the output format does not have."""
    from faceloom.errors import UsageError

    if has_dfm_options and not is_dfm:
        raise UsageError(
            "--target and --host-program need --format dfm: a bundle works with any target. "
            "Leave them out or add --format dfm."
        )
    if has_bundle_options and is_dfm:
        raise UsageError(
            "A .dfm is always fp32 and must match the trained model; "
            "leave out --precision and --accept-loss."
        )


def _bundle_options(
    precisions: list[str], *, accept_loss: bool, step: str, force: bool
) -> "ExportOptions":
    from faceloom_export.bundle.export_bundle import ExportOptions

    # export_bundle checks the names of the precisions.
    return ExportOptions(
        precisions,  # type: ignore[arg-type]
        accept_loss=accept_loss,
        step=step,
        force=force,
    )


def _dfm_sentence(out: Path, summary: "DfmSummary") -> str:
    return (
        f"{out}: {summary.identity} at step {summary.step}, {summary.bytes / 1e6:.1f} MB; "
        f"onnxruntime and Keras differ by at most {summary.max_difference} of 255 levels "
        f"(mean {summary.mean_difference:.4f}) on {summary.faces} faces."
    )


def _bundle_sentence(out: Path, summary: "ExportSummary") -> str:
    graphs = "; ".join(
        f"{graph.precision} {graph.bytes / 1e6:.1f} MB, at most {graph.parity.max_difference} of "
        f"255 levels apart (mean {graph.parity.mean_difference:.3f}), "
        f"SSIM {graph.parity.ssim:.4f}"
        for graph in summary.graphs
    )
    return (
        f"{out}: {summary.identity} at step {summary.step}. The ONNX graph gives what the trained "
        f"network gives, on {summary.graphs[0].parity.faces} faces: {graphs}. `faceloom "
        "compare` measures how good the swap is."
    )


def import_command(
    file: Annotated[
        Path, typer.Argument(help="A .dfm, or the .keras file of a faceswap model `original`.")
    ],
    name: Annotated[str, typer.Option(help="The identity whose face the model renders.")],
    out: Annotated[Path, typer.Option(help="The bundle to write (a folder or NAME.zip).")],
    morph: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Fixed value of a .dfm's morph slider: 0 is the target, 1 the new face.",
        ),
    ] = 1.0,
    side: Annotated[
        Literal["a", "b"], typer.Option(help="Which decoder of a faceswap model to use.")
    ] = "b",
    coverage: Annotated[
        float | None,
        typer.Option(
            min=0.5,
            max=1.5,
            help="Side of a faceswap model's crops, relative to DeepFaceLab's whole face; 0.85 if "
            "not given, which is faceswap's default coverage of 87.5 %.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Convert another program's model to a bundle; no code in the file is run."""
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.optional_dependencies import requires_extra
    from faceloom.progress import run_to_completion

    with requires_extra("train,export"):
        from faceloom_export.bundle.import_model import ImportOptions, import_model

    options = ImportOptions(name, morph=morph, side=side, coverage=coverage, force=force)
    with progress_display() as report:
        summary = run_to_completion(import_model(file, out, options), report)
    print_result(
        summary,
        f"{out}: {summary.identity} from a {summary.format} model, {summary.size} px, "
        f"{summary.bytes / 1e6:.1f} MB; the bundle and the model differ by at most "
        f"{summary.max_difference} of 255 levels on {summary.faces} faces.",
        json=json,
    )
