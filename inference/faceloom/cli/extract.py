"""`faceloom extract`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from faceloom.faceset import ExtractSummary

_EXAMPLE = "Example: faceloom extract ada1.mp4 ada2.mp4 --out faces/ada --reference ada.jpg"


def add_commands(app: typer.Typer) -> None:
    """Add the command to `faceloom`.

    Args:
        app: The Typer application.
    """
    app.command("extract", epilog=_EXAMPLE)(extract_command)


def extract_command(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOOTAGE",
            help="Videos, pictures, DeepFaceLab's faceset.pak, or folders of them.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(help="The folder to write: a face set, or portraits with --list-people."),
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the identity; the folder's name if not given.")
    ] = None,
    reference: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PICTURE",
            help="A picture of the person; may be repeated. Without it, the person with the most "
            "faces is taken.",
        ),
    ] = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(metavar="PICTURE", help="A picture of another person; may be repeated."),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(min=0, max=1, help="Similarity above which two faces are the same person."),
    ] = 0.45,
    every: Annotated[int, typer.Option(min=1, help="Use every Nth frame.")] = 1,
    detector: Annotated[
        str, typer.Option(help="Face detector: retinaface, yunet or retina-face.")
    ] = "retinaface",
    detect_every: Annotated[
        int, typer.Option(min=1, help="Run the detector on every Nth frame and track in between.")
    ] = 5,
    min_size: Annotated[float, typer.Option(min=1, help="Smallest face, in pixels.")] = 40,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Files processed in parallel; the number of cores if not given."),
    ] = None,
    add: Annotated[
        bool,
        typer.Option(
            "--add", help="Add to the face set OUT if it exists; footage already in it is skipped."
        ),
    ] = False,
    list_people: Annotated[
        bool,
        typer.Option(
            "--list-people",
            help="Write portraits of the people in a few frames to the folder OUT, for "
            "--reference, and no face set; of the other options only --force applies.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Extract one person's faces into a face set.

    Run an interrupted command again to continue it. Add more footage later with --add.
    """
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.optional_dependencies import requires_extra
    from faceloom.errors import Stopped

    with requires_extra("cpu"):
        from faceloom.faceset import ExtractOptions, extract
        from faceloom.progress import run_to_completion

    if list_people:
        _list_people(inputs, out, force=force, json=json)
        return
    options = ExtractOptions(
        name=name or "",
        every=every,
        min_size=min_size,
        detect_every=detect_every,
        detector=detector,
        reference=tuple(reference or ()),
        exclude=tuple(exclude or ()),
        threshold=threshold,
        workers=workers,
        force=force,
        add=add,
    )
    try:
        with progress_display() as report:
            summary = run_to_completion(extract(inputs, out, options), report)
    except KeyboardInterrupt:
        raise Stopped(
            f"Stopped. {out}.work contains the faces found so far; "
            "run the same command again to continue."
        ) from None
    print_result(summary, _sentence(out, summary), json=json)


def _list_people(inputs: list[Path], out: Path, *, force: bool, json: bool) -> None:
    from faceloom.cli.console import print_result, progress_display
    from faceloom.output_lock import lock_output
    from faceloom.progress import run_to_completion
    from faceloom.project.people_listing import list_people

    with lock_output(out), progress_display() as report:
        summary = run_to_completion(list_people(inputs, out, force=force), report)
    print_result(summary, summary.to_text(), json=json)


def _sentence(out: Path, summary: "ExtractSummary") -> str:
    frames = f"from {summary.frames} frames"
    if summary.total_faces == summary.faces:
        sentence = f"{out}: {summary.faces} faces of {summary.identity} {frames}."
    elif not summary.files:
        sentence = f"{out}: nothing was added to its {summary.total_faces} faces."
    else:
        sentence = (
            f"{out}: {summary.faces} faces of {summary.identity} added {frames}; it now has "
            f"{summary.total_faces}."
        )
    if summary.known_files:
        names = ", ".join(summary.known_files)
        sentence += f" Skipped, since their faces are in it already: {names}."
    if summary.passed_over:
        sentence += f" {len(summary.passed_over)} files were not read."
    if summary.damaged:
        sentence += f" {len(summary.damaged)} files are damaged and were read in part."
    if summary.other_faces:
        sentence += (
            f" {summary.other_faces} faces of other people were left out "
            f"({summary.people} people were found)."
        )
    return sentence
