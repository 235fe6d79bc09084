"""`faceloom extract`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom extract ada1.mp4 ada2.mp4 --out faces/ada --reference ada.jpg"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("extract", epilog=_EXAMPLE)(extract_command)


def extract_command(
    inputs: Annotated[list[Path], typer.Argument(help="Videos, pictures, or folders of them.")],
    out: Annotated[Path, typer.Option(help="The face set to write (a folder).")],
    name: Annotated[
        str | None, typer.Option(help="Whose faces these are; the folder's name if not given.")
    ] = None,
    reference: Annotated[
        list[Path] | None, typer.Option(help="A picture of the person; may be repeated.")
    ] = None,
    exclude: Annotated[
        list[Path] | None, typer.Option(help="A picture of someone else; may be repeated.")
    ] = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Cosine above which two faces are one person.")
    ] = 0.45,
    every: Annotated[int, typer.Option(min=1, help="Use every K-th frame.")] = 1,
    detector: Annotated[str, typer.Option(help="retinaface, yunet or retina-face.")] = "retinaface",
    detect_every: Annotated[
        int, typer.Option(min=1, help="Detect every K-th frame, follow between.")
    ] = 5,
    min_size: Annotated[float, typer.Option(min=1, help="Smallest face to take, in pixels.")] = 40,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Files at once; as many as cores if not given.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Collect one person's faces from footage into a face set; run it again to continue after a stop."""
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.optional_dependencies import needs
    from faceloom.errors import Stopped

    with needs("cpu"):
        from faceloom.faceset import ExtractOptions, extract
        from faceloom.progress import run_to_completion

    options = ExtractOptions(
        name=name or out.name,
        every=every,
        min_size=min_size,
        detect_every=detect_every,
        detector=detector,
        reference=tuple(reference or ()),
        exclude=tuple(exclude or ()),
        threshold=threshold,
        workers=workers,
        force=force,
    )
    try:
        with progress_display() as report:
            summary = run_to_completion(extract(inputs, out, options), report)
    except KeyboardInterrupt:
        raise Stopped(
            f"Stopped; {out}.work keeps what was found and the same command continues."
        ) from None
    sentence = f"{out}: {summary.faces} faces of {summary.identity} from {summary.frames} frames."
    if summary.left_out:
        sentence += f" {summary.left_out} faces of others ({summary.people} people were seen) were left out."
    print_result(summary, sentence, json=json)
