"""`faceloom curate`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = (
    'Example: faceloom curate faces/ada --drop "sharpness<0.2" --dedupe --keep-identity --apply'
)
_DROP_HELP = (
    "FIELD OP NUMBER, again and again: sharpness, exposure, clipped, eyes_open, mouth_open, background, "
    "background_uniform, yaw, pitch, roll, size, score, similarity."
)


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("curate", epilog=_EXAMPLE)(curate_command)


def curate_command(
    faceset: Annotated[Path, typer.Argument(help="The face set to clear up.")],
    drop: Annotated[list[str] | None, typer.Option(help=_DROP_HELP)] = None,
    dedupe: Annotated[
        bool, typer.Option("--dedupe", help="Of near-duplicates keep the sharpest.")
    ] = False,
    keep_identity: Annotated[
        bool, typer.Option("--keep-identity", help="Drop faces that look like another person.")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without this it is only shown.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Bring back what the last --apply dropped.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Reject faces in bulk: show which would go, move them out on --apply, bring them back on --undo."""
    from faceloom.cli.console import print_result
    from faceloom.cli.optional_dependencies import needs
    from faceloom.errors import UsageError

    with needs("cpu"):
        from faceloom.faceset import Condition, CurateOptions, curate, undo_curate

    if undo and (drop or dedupe or keep_identity or apply):
        raise UsageError("--undo stands alone; it brings back what the last --apply dropped.")
    if undo:
        summary = undo_curate(faceset)
    else:
        conditions = tuple(Condition.parse(text) for text in drop or ())
        summary = curate(faceset, CurateOptions(conditions, dedupe, keep_identity), apply=apply)
    print_result(summary, summary.to_text(), json=json)
