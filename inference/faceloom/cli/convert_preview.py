"""What `faceloom convert` shows without writing a video: a few moments, one frame, or who is there."""

from pathlib import Path
from typing import TYPE_CHECKING

from faceloom.atomic import refuse_file
from faceloom.cli.console import print_result, progress_display
from faceloom.errors import UsageError
from faceloom.progress import run_to_completion

if TYPE_CHECKING:
    from faceloom.provenance import WornFace
    from faceloom.swap import Cast, ConvertOptions, FaceSource
    from faceloom.swap.pipeline.swap_request import Wanted


def list_faces(target: Path, sheet: Path | None, *, force: bool, json: bool) -> None:
    """Print the tracks of a clip, and write their portraits if a sheet is named."""
    from faceloom.swap.preview.track_listing import list_tracks

    if sheet:
        refuse_file(sheet, force=force, inputs=[target])
    with progress_display() as report:
        summary = run_to_completion(list_tracks(target, sheet), report)
    print_result(summary, summary.to_text(), json=json)


def try_out(
    target: Path,
    wanted: "Wanted",
    options: "ConvertOptions",
    *,
    sheet: Path | None,
    place: str | None,
    out: Path | None,
    json: bool,
) -> None:
    """Write a sheet of a few moments, or a folder of one frame's steps."""
    source = wanted.open(options)
    if sheet and place is None and out is None:
        _try_moments(target, source, wanted.faces(), sheet, options, json=json)
    elif place is not None and out and sheet is None:
        _try_frame(target, source, wanted.faces(), place, out, options, json=json)
    else:
        raise UsageError(
            "--preview SHEET.png stands alone, --frame N goes with --out FOLDER; give one of the two."
        )


def _try_moments(
    target: Path,
    source: "FaceSource | Cast",
    faces: "list[WornFace]",
    sheet: Path,
    options: "ConvertOptions",
    *,
    json: bool,
) -> None:
    from faceloom.cli.convert_batch import honesty
    from faceloom.swap.preview.preview import preview

    refuse_file(sheet, force=options.force, inputs=[target])
    with progress_display() as report:
        summary = run_to_completion(preview(target, source, faces, sheet, options), report)
    sentence = f"{sheet}: {len(summary.moments)} moments of {target}, in {summary.seconds:.1f} s; no video was written."
    said = honesty(summary.marked, summary.faces, content_checked=summary.content_checked)
    print_result(summary, f"{sentence} {said}", json=json)


def _try_frame(
    target: Path,
    source: "FaceSource | Cast",
    faces: "list[WornFace]",
    place: str,
    folder: Path,
    options: "ConvertOptions",
    *,
    json: bool,
) -> None:
    from faceloom.cli.convert_batch import honesty
    from faceloom.swap.preview.frame_debug import one_frame

    with progress_display() as report:
        summary = run_to_completion(
            one_frame(target, source, faces, place, folder, options), report
        )
    sentence = f"{folder}: frame {summary.frame} ({summary.seconds:.2f} s) with every step; see {folder / 'sheet.png'}."
    said = honesty(summary.marked, summary.worn, content_checked=summary.content_checked)
    print_result(summary, f"{sentence} {said}", json=json)
