"""`faceloom swap`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faceloom.choices import ColorTransfer, EncoderName, EncodingSpeed, MarkLevel
from faceloom.cli.grouped_help import GroupedCommand

if TYPE_CHECKING:
    from faceloom.project import SwapSettings, SwapSummary

_EXAMPLE = "Example: faceloom swap ben.mp4 --onto clip.mp4 --out swapped.mp4"

# Headings of the help text.
_PEOPLE = "People"
_TRAINING = "Training"
_OUTPUT = "Output"


def add_commands(app: typer.Typer) -> None:
    """Add the command to `faceloom`.

    Args:
        app: The Typer application.
    """
    app.command("swap", cls=GroupedCommand, epilog=_EXAMPLE)(swap_command)


def swap_command(
    guests: Annotated[
        list[Path],
        typer.Argument(
            metavar="GUEST",
            help="Videos, pictures or folders of the person whose face is put in.",
        ),
    ],
    onto: Annotated[
        Path,
        typer.Option(
            metavar="TARGET", help="The video whose face is replaced.", rich_help_panel=_OUTPUT
        ),
    ],
    out: Annotated[Path, typer.Option(help="The video to write.", rich_help_panel=_OUTPUT)],
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="Time for everything, 3 at least on most machines; if not given, what a good "
            "result takes on this machine.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    reference: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PICTURE",
            help="If TARGET shows several people: a picture of the one whose face is replaced; "
            "may be repeated.",
            rich_help_panel=_PEOPLE,
        ),
    ] = None,
    guest_reference: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PICTURE",
            help="If GUEST shows several people: a picture of the one whose face is put in; "
            "may be repeated.",
            rich_help_panel=_PEOPLE,
        ),
    ] = None,
    target_footage: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOOTAGE",
            help="More footage of the person in TARGET to learn from; may be repeated.",
            rich_help_panel=_PEOPLE,
        ),
    ] = None,
    guest_name: Annotated[
        str | None,
        typer.Option(
            help="Name of the person whose face is put in; from GUEST's name if not given.",
            rich_help_panel=_PEOPLE,
        ),
    ] = None,
    target_name: Annotated[
        str | None,
        typer.Option(
            help="Name of the person in TARGET; from TARGET's name if not given.",
            rich_help_panel=_PEOPLE,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Preset of the training; the best that fits if not given.",
            rich_help_panel=_TRAINING,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1, help="Steps of the training; as many as fit.", rich_help_panel=_TRAINING
        ),
    ] = None,
    project: Annotated[
        Path | None,
        typer.Option(
            help="Folder that keeps everything; OUT with the ending .faceloom if not given. "
            "With an earlier project, its faces and trainings are used again.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    color: Annotated[
        ColorTransfer | None,
        typer.Option(help="Color transfer, see `convert`.", rich_help_panel=_OUTPUT),
    ] = None,
    encoder: Annotated[
        EncoderName | None,
        typer.Option(help="Video encoder, see `convert`.", rich_help_panel=_OUTPUT),
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(min=0, max=100, help="Video quality, see `convert`.", rich_help_panel=_OUTPUT),
    ] = None,
    speed: Annotated[
        EncodingSpeed | None,
        typer.Option(
            help="Encode in little time, or to small files, see `convert`.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    provenance: Annotated[
        MarkLevel | None,
        typer.Option(help="Disclosure marks, see `convert`.", rich_help_panel=_OUTPUT),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            help="Draw this text into every frame, see `convert`.", rich_help_panel=_OUTPUT
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace OUT if it exists.", rich_help_panel=_OUTPUT),
    ] = False,
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print a JSON object for each step, and one for the result as the last line.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
) -> None:
    """Swap a face: everything in one command.

    Extracts the faces of both people, trains, exports, converts TARGET and measures the result.
    GUEST's face is put onto the person in TARGET. Run the same command again to continue it.
    """
    import time

    from faceloom.cli.optional_dependencies import requires_extra

    with requires_extra("cpu,train,export"):
        from faceloom.project import SwapSettings
        from faceloom.project.settings import default_project

    options = {
        "--color": color,
        "--encoder": encoder,
        "--quality": None if quality is None else str(quality),
        "--speed": speed,
        "--provenance": provenance,
        "--label": label,
    }
    given = [(name, value) for name, value in options.items() if value is not None]
    settings = SwapSettings(
        guests=tuple(guests),
        target=onto,
        out=out,
        project=project or default_project(out),
        target_footage=tuple(target_footage or ()),
        guest_reference=tuple(guest_reference or ()),
        reference=tuple(reference or ()),
        minutes=minutes,
        preset=preset,
        steps=steps,
        guest_name=guest_name,
        target_name=target_name,
        convert_options=tuple(part for pair in given for part in pair),
        force=force,
    )
    _run(settings, time.monotonic(), json=json)


def _run(settings: "SwapSettings", started: float, *, json: bool) -> None:
    from faceloom.cli.console import print_result
    from faceloom.cli.swap_panel import say_stopping, swap_display
    from faceloom.errors import Stopped
    from faceloom.progress import run_to_completion
    from faceloom.project import Project, prepare_swap, run_plan

    project = Project.read(settings.project)
    title = f"{settings.guests[0].name}'s face onto {settings.target.name}: {settings.out.name}"
    try:
        with project.lock(), swap_display(title, json_lines=json) as show:
            plan = run_to_completion(prepare_swap(settings, project), show)
            summary = run_to_completion(run_plan(plan, project, started, say_stopping), show)
    except KeyboardInterrupt:
        raise Stopped(
            f"Stopped. {settings.project} keeps what is done; run the same command again to "
            "continue."
        ) from None
    print_result(summary, _sentence(summary), json=json)


def _sentence(summary: "SwapSummary") -> str:
    """Describe the result and the commands that made it."""
    from faceloom.cli.swap_panel import format_duration

    frames = (
        f"{summary.swapped_frames} of {summary.frames} frames swapped"
        if summary.swapped_frames is not None
        else f"{summary.frames} frames"
    )
    score = f" Score {summary.score_words}." if summary.score_words else ""
    lines = [
        "",
        f"{summary.out}: {frames} in {format_duration(summary.total_seconds)} "
        f"({summary.preset}, {summary.steps} steps).{score}",
        *([summary.review] if summary.review else []),
        *summary.notes,
        "",
        "The same in single commands:",
        *(f"  {command}" for command in summary.commands),
        "",
    ]
    if summary.picture:
        lines.append(f"Look at {summary.picture} first.")
    if summary.report:
        lines.append(f"{summary.report} has the measurements.")
    if summary.nothing_new:
        lines.append("Everything was complete before this command, which changed nothing.")
    lines.append(
        f"To train longer: the same command with --minutes {summary.longer_minutes} --force "
        "continues the training for about as long as it has taken."
    )
    return "\n".join(lines)
