"""Run `faceloom convert` for one target or several, and print the result."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from faceloom.artifact_kind import Kind, identify_kind
from faceloom.cli.console import print_result, progress_display
from faceloom.errors import PartlyDone, UsageError
from faceloom.progress import run_to_completion
from faceloom.provenance import SwappedIdentity, WrittenMarks
from faceloom.swap import ConvertOptions, ConvertSummary, SwapRequest, convert_request
from faceloom.swap.batch.batch_jobs import (
    ConvertJob,
    check_report,
    convert_jobs,
    plan_jobs,
)
from faceloom.swap.batch.job_file import read_job_file
from faceloom.video import stdin_as_file

# Name of the report of several targets.
REPORT_FILE = "report.json"
# The path that stands for standard input or output.
_PIPE = "-"
# Number of failed targets whose messages are printed; the report has all of them.
_MAX_MESSAGES = 3


def convert_one(
    target: Path, out: Path | None, request: SwapRequest, options: ConvertOptions, *, json: bool
) -> None:
    """Convert one target and print the result.

    Args:
        target: The target, or "-" for standard input.
        out: The output, or "-" for standard output.
        request: The source.
        options: How to convert.
        json: Whether to print the result as JSON.

    Raises:
        UsageError: An option does not fit the target or the output.
        FaceloomError: As `convert_request`.
    """
    out = _required(out)
    to_stdout = str(out) == _PIPE
    from_stdin = str(target) == _PIPE
    if options.resume and (to_stdout or from_stdin):
        raise UsageError(
            "--resume cannot be used when reading from or writing to a pipe; leave it out."
        )
    if json and to_stdout:
        raise UsageError("--json and --out - both write to standard output; leave one out.")
    # A pipe cannot be read again, so that its segments cannot be resumed.
    options = replace(options, keep_partial=not from_stdin)
    with stdin_as_file(target) as path, progress_display() as report:
        summary = run_to_completion(convert_request(path, request, out, options), report)
    print_result(summary, _sentence(out, request, summary), json=json, to_stderr=to_stdout)


def convert_many(
    targets: Sequence[Path],
    out: Path | None,
    request: SwapRequest,
    options: ConvertOptions,
    report: Path | None,
    *,
    json: bool,
) -> None:
    """Convert several targets into a folder and write a report.

    Args:
        targets: The targets.
        out: The output folder.
        request: The source.
        options: How to convert.
        report: The report; OUT/report.json if None.
        json: Whether to print the report as JSON.

    Raises:
        UsageError: The output is missing or is one file, or two outputs have the same name.
        PartlyDone: A target failed.
    """
    folder = _required(out)
    jobs = plan_jobs(targets, folder, request, options)
    _convert_jobs(jobs, report or folder / REPORT_FILE, json=json)


def convert_job_file(
    job_file: Path,
    extra_paths: Sequence[Path],
    request: SwapRequest | None,
    options: ConvertOptions,
    report: Path | None,
    *,
    json: bool,
) -> None:
    """Convert the targets that a job file lists and write a report.

    Args:
        job_file: The job file.
        extra_paths: Targets and outputs on the command line, which are not allowed.
        request: The source of jobs without a bundle.
        options: Options of all jobs.
        report: The report; report.json beside the job file if None.
        json: Whether to print the report as JSON.

    Raises:
        UsageError: The job file is invalid, or there are extra paths.
        PartlyDone: A target failed.
    """
    if extra_paths:
        raise UsageError(
            f"--job lists the targets and outputs; leave out {extra_paths[0]} on the command line."
        )
    jobs = read_job_file(job_file, request, options)
    _convert_jobs(jobs, report or job_file.with_name(REPORT_FILE), json=json)


def _convert_jobs(jobs: Sequence[ConvertJob], report: Path, *, json: bool) -> None:
    check_report(report, jobs, force=any(job.options.force for job in jobs))
    with progress_display() as show:
        results = run_to_completion(convert_jobs(jobs, report), show)
    failed, count = results.failed, len(results.jobs)
    skipped = sum(result.state == "skipped" for result in results.jobs)
    unmarked = sum(result.state == "done" and not result.marks for result in results.jobs)
    earlier = f" ({skipped} of them earlier)" if skipped else ""
    sentence = f"{count - len(failed)} of {count} targets are converted{earlier}; see {report}."
    if unmarked:
        sentence += f" {unmarked} of them have no disclosure marks."
    print_result(results, sentence, json=json)
    if failed:
        messages = " ".join(result.message for result in failed[:_MAX_MESSAGES])
        raise PartlyDone(
            f"{len(failed)} of {count} targets failed: {messages} "
            "Run the same command with --resume to convert the rest."
        )


def _required(out: Path | None) -> Path:
    if out is None:
        raise UsageError(
            "Give --out OUT, or --preview SHEET.png to see a few frames without writing a video."
        )
    return out


def _sentence(out: Path, request: SwapRequest, summary: ConvertSummary) -> str:
    rate = (summary.frames - summary.resumed_at) / summary.seconds
    device = summary.provider + (f" in {summary.precision}" if summary.precision else "")
    still = ""
    if request.face_set and summary.still:
        still = f", with {request.face_set / summary.still}"
    sentences = [
        f"{out}: {summary.swapped_frames} of {summary.frames} frames swapped on {device}, "
        f"{rate:.1f} frames/s{still}."
    ]
    if summary.resumed_at:
        sentences.append(f"{summary.resumed_at} frames were finished by an earlier run.")
    if summary.other_faces:
        plural = "face was" if summary.other_faces == 1 else "faces were"
        sentences.append(
            f"{summary.other_faces} other {plural} left alone; --select all swaps every face."
        )
    if summary.missing_frames:
        sentences.append(f"A face was lost in {summary.missing_frames} frames.")
    if summary.occlusion and summary.occlusion.frames:
        sentences.append(summary.occlusion.to_text(summary.swapped_frames))
    sentences.append(
        disclosure_sentences(
            summary.marks, summary.identities, content_checked=summary.content_checked
        )
    )
    return " ".join(sentences)


def disclosure_sentences(
    marks: WrittenMarks, identities: Sequence[SwappedIdentity], *, content_checked: bool
) -> str:
    """Describe an output's marks, the recorded consent and the content check.

    Args:
        marks: The written marks.
        identities: The identities in the output.
        content_checked: Whether the content check ran.
    """
    sentences = [str(marks)]
    sentences += [f"Consent of {each.name}: {each.consent}." for each in identities if each.consent]
    if content_checked:
        sentences.append("The content check found nothing.")
    return " ".join(sentences)


def check_no_bundle(targets: Sequence[Path]) -> None:
    """Check that no bundle is among several TARGETs; the error shows how to name one.

    Args:
        targets: The TARGETs.

    Raises:
        UsageError: One is a bundle.
    """
    if len(targets) < 2:
        return
    bundles = [path for path in targets if identify_kind(path) is Kind.BUNDLE]
    if not bundles:
        return
    others = [str(path) for path in targets if path not in bundles] or ["TARGET"]
    # Without options, the last one is what the user wants to write.
    inputs, out = (others[:-1], others[-1]) if len(others) > 1 else (others, "OUT")
    command = ["faceloom", "convert", *inputs, "--bundle", str(bundles[0]), "--out", out]
    raise UsageError(f"{bundles[0]} is a bundle: {shlex.join(command)}")


def single_target(targets: Sequence[Path] | None) -> Path:
    """Return the only TARGET.

    Args:
        targets: The TARGETs.

    Raises:
        UsageError: There is none, or more than one.
    """
    if not targets:
        raise UsageError("Give a TARGET: a video, a GIF, a picture or a folder of pictures.")
    if len(targets) > 1:
        raise UsageError(f"Give one TARGET instead of {len(targets)}.")
    return targets[0]
