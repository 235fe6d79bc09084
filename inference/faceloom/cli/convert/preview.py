"""Run `faceloom convert` without writing a video: a preview, a frame, tracks, or an estimate."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from faceloom.atomic import check_output_file
from faceloom.cli.console import print_result, progress_display
from faceloom.cli.convert.batch import disclosure_sentences
from faceloom.errors import UsageError
from faceloom.output_lock import lock_output
from faceloom.progress import run_to_completion
from faceloom.swap import ConvertOptions, SwapRequest, SwapSource, estimate_conversion
from faceloom.swap.preview import list_tracks, write_frame_debug, write_preview


def print_tracks(target: Path, sheet: Path | None, *, force: bool, json: bool) -> None:
    """Print the face tracks of a target.

    Args:
        target: The target.
        sheet: A PNG to write with a picture of each track.
        force: Whether to replace the sheet.
        json: Whether to print the tracks as JSON.

    Raises:
        UsageError: The sheet exists or cannot be written.
        NoFaceFound: The target has no face.
    """
    with lock_output(sheet) if sheet else nullcontext(), progress_display() as report:
        if sheet:
            check_output_file(sheet, force=force, inputs=[target])
        summary = run_to_completion(list_tracks(target, sheet), report)
    print_result(summary, summary.to_text(), json=json)


def print_estimate(
    target: Path, out: Path | None, request: SwapRequest, options: ConvertOptions, *, json: bool
) -> None:
    """Print how long a conversion takes and how large its output becomes.

    Args:
        target: The target.
        out: The output, which is not written.
        request: The source.
        options: How to convert.
        json: Whether to print the estimate as JSON.

    Raises:
        UsageError: The output is not named, or an option does not fit.
        FaceloomError: As `estimate_conversion`.
    """
    if out is None:
        raise UsageError("--estimate needs --out OUT, whose extension decides what is written.")
    with progress_display() as report:
        work = estimate_conversion(target, request, out, options)
        estimate = run_to_completion(work, report)
    print_result(estimate, estimate.to_text(), json=json)


def write_preview_or_frame(
    target: Path,
    request: SwapRequest,
    options: ConvertOptions,
    *,
    sheet: Path | None,
    place: str | None,
    out: Path | None,
    json: bool,
) -> None:
    """Write a preview sheet, or the intermediate images of one frame.

    Args:
        target: The target.
        request: The source, which must be one or more bundles.
        options: How to convert.
        sheet: The preview sheet to write.
        place: The frame's index or time instead.
        out: The folder for `place`.
        json: Whether to print the result as JSON.

    Raises:
        UsageError: The options do not fit together.
        FaceloomError: As `SwapRequest.open_bundles`, `write_preview` and `write_frame_debug`.
    """
    source = request.open_bundles(options)
    if sheet and place is None and out is None:
        _write_preview(target, source, sheet, options, request.inputs, json=json)
    elif place is not None and out and sheet is None:
        _write_frame(target, source, place, out, options, json=json)
    else:
        raise UsageError(
            "Give either --preview SHEET.png without --out, or --frame N with --out FOLDER."
        )


def _write_preview(
    target: Path,
    source: SwapSource,
    sheet: Path,
    options: ConvertOptions,
    others: Sequence[Path],
    *,
    json: bool,
) -> None:
    with lock_output(sheet), progress_display() as report:
        inputs = [target, *options.reference, *options.exclude, *others]
        check_output_file(sheet, force=options.force, inputs=inputs)
        summary = run_to_completion(write_preview(target, source, sheet, options), report)
    sentence = (
        f"{sheet}: {len(summary.times)} frames of {target}, in {summary.seconds:.1f} s; "
        "no video was written."
    )
    disclosure = disclosure_sentences(
        summary.marks, summary.identities, content_checked=summary.content_checked
    )
    print_result(summary, f"{sentence} {disclosure}", json=json)


def _write_frame(
    target: Path,
    source: SwapSource,
    place: str,
    folder: Path,
    options: ConvertOptions,
    *,
    json: bool,
) -> None:
    with lock_output(folder), progress_display() as report:
        summary = run_to_completion(
            write_frame_debug(target, source, place, folder, options), report
        )
    sentence = (
        f"{folder}: frame {summary.frame} ({summary.seconds:.2f} s) with every intermediate image; "
        f"see {folder / 'sheet.png'}."
    )
    disclosure = disclosure_sentences(
        summary.marks, summary.identities, content_checked=summary.content_checked
    )
    print_result(summary, f"{sentence} {disclosure}", json=json)
