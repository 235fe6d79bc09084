"""`faceloom compare`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom compare clip.mp4 swapped.mp4 --identity faces/ben --report swap.html"


def add_commands(app: typer.Typer) -> None:
    """Join the `faceloom` command."""
    app.command("compare", epilog=_EXAMPLE)(compare_command)


def compare_command(
    target: Annotated[Path, typer.Argument(help="The untouched video.")],
    swap: Annotated[Path, typer.Argument(help="The swapped video.")],
    identity: Annotated[Path | None, typer.Option(help="Face set of the wanted person.")] = None,
    other: Annotated[
        Path | None, typer.Option(help="Face set of the person in the target.")
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="The exact result, frame by frame.")] = None,
    paste: Annotated[
        Path | None, typer.Option(help="What `convert --baseline paste` made of the target.")
    ] = None,
    every: Annotated[
        int, typer.Option(min=1, help="Look at every K-th frame; steadiness needs all of them.")
    ] = 1,
    report: Annotated[
        Path | None, typer.Option(help="Write a page with curves and the worst moments.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace the page if it exists.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Judge a swap: whose face it is, what is kept of the performance, how it looks, how steady it is."""
    from faceloom.cli.console import print_result, progress_display
    from faceloom.cli.optional_dependencies import needs

    with needs("cpu"):
        from faceloom.atomic import refuse_file
        from faceloom.compare import Videos, compare, write_report
        from faceloom.faceset import FaceSet
        from faceloom.progress import run_to_completion

    videos = Videos(target, swap, paste, truth)
    if report:
        refuse_file(report, force=force, inputs=tuple(videos.named().values()))
    wanted, known = (FaceSet.read(path) if path else None for path in (identity, other))
    with progress_display() as show:
        judged = run_to_completion(compare(videos, wanted, known, every), show)
    if report:
        write_report(judged, videos, report)
    print_result(judged.comparison, judged.comparison.to_text(), json=json)
