"""`faceloom compare`."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom compare clip.mp4 swapped.mp4 --identity faces/ben --report swap.html"


def add_commands(app: typer.Typer) -> None:
    """Add the command to `faceloom`.

    Args:
        app: The Typer application.
    """
    app.command("compare", epilog=_EXAMPLE)(compare_command)


def compare_command(
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="The original video.")],
    swap: Annotated[Path, typer.Argument(metavar="SWAP", help="The swapped video.")],
    identity: Annotated[
        Path | None, typer.Option(help="Face set of the source: the person in the swap.")
    ] = None,
    other: Annotated[
        Path | None, typer.Option(help="Face set of the person in the original video.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="Ground truth: the exact result, frame by frame.")
    ] = None,
    paste: Annotated[
        Path | None, typer.Option(help="The target converted with `--baseline paste`.")
    ] = None,
    every: Annotated[
        int,
        typer.Option(
            min=1, help="Measure every Nth frame with its two neighbors; 4 and more save time."
        ),
    ] = 1,
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML report with charts and the worst frames.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the result with the metrics of every frame as a JSON file."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the report and OUT if they exist.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Measure the quality of a swap.

    The scores cover identity, performance, image quality and stability.
    """
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.optional_dependencies import requires_extra

    with requires_extra("cpu"):
        from faceloom.atomic import check_output_file
        from faceloom.compare import (
            ClipVersions,
            compare,
            words_of_swap,
            write_comparison,
            write_report,
        )
        from faceloom.errors import UsageError
        from faceloom.faceset import FaceSet
        from faceloom.output_lock import lock_output
        from faceloom.progress import run_to_completion

    videos = ClipVersions(target, swap, paste, truth)
    outputs = [path for path in (report, out) if path]
    if report and out and report.resolve() == out.resolve():
        raise UsageError(f"--report and --out name the same file {out}; choose two names.")
    with ExitStack() as locks:
        for path in outputs:
            locks.enter_context(lock_output(path))
            check_output_file(path, force=force, inputs=tuple(videos.by_name().values()))
        source_faces, target_faces = (
            FaceSet.read(path) if path else None for path in (identity, other)
        )
        with progress_display() as show:
            result = run_to_completion(compare(videos, source_faces, target_faces, every), show)
        if report:
            write_report(result, videos, report)
        if out:
            write_comparison(result, out)
    text = result.comparison.to_text()
    if swap_words := words_of_swap(result.comparison):
        text += f"\nScore of the swap: {swap_words.to_text()}."
    if report:
        text += f"\nThe report is in {report}; open it in a browser."
    print_result(result.comparison, text, json=json)
