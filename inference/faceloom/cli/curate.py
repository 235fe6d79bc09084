"""`faceloom curate`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = (
    'Example: faceloom curate faces/ada --drop "sharpness<0.2" --dedupe --keep-identity --apply'
)
_DROP_HELP = (
    "Drop faces that meet a condition, such as 'yaw>60'; may be repeated. Fields: sharpness, "
    "exposure, clipped, eyes_open, mouth_open, background, background_uniform, yaw, pitch, roll, "
    "size, score, similarity, occluded, fringe, glasses."
)


def add_commands(app: typer.Typer) -> None:
    """Add the command to `faceloom`.

    Args:
        app: The Typer application.
    """
    app.command("curate", epilog=_EXAMPLE)(curate_command)


def curate_command(
    faceset: Annotated[Path, typer.Argument(metavar="FACESET", help="The face set.")],
    drop: Annotated[list[str] | None, typer.Option(metavar="CONDITION", help=_DROP_HELP)] = None,
    dedupe: Annotated[
        bool, typer.Option("--dedupe", help="Keep only the sharpest of near-duplicate faces.")
    ] = False,
    keep_identity: Annotated[
        bool, typer.Option("--keep-identity", help="Drop faces of other people.")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Drop the faces; without it they are only counted.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Restore the faces that the last --apply dropped.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Drop unsuitable faces from a face set.

    Without --apply, nothing is changed. --undo restores what was dropped.
    """
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.optional_dependencies import requires_extra
    from faceloom.errors import UsageError

    with requires_extra("cpu"):
        from faceloom.faceset import Condition, CurateOptions, curate, undo_curate
        from faceloom.progress import run_to_completion

    if undo and (drop or dedupe or keep_identity or apply):
        raise UsageError("--undo cannot be combined with other options; leave them out.")
    if undo:
        summary = undo_curate(faceset)
    else:
        conditions = tuple(Condition.parse(text) for text in drop or ())
        options = CurateOptions(conditions, dedupe, keep_identity)
        with progress_display() as show:
            summary = run_to_completion(curate(faceset, options, apply=apply), show)
    print_result(summary, summary.to_text(), json=json)
