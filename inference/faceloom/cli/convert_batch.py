"""What `faceloom convert` does and says: of one target, or of several."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from faceloom.cli.console import print_result, progress_display
from faceloom.errors import PartlyDone, UsageError
from faceloom.progress import run_to_completion
from faceloom.provenance import Marked, WornFace
from faceloom.swap import ConvertOptions, ConvertSummary
from faceloom.swap.pipeline.batch_jobs import Job, convert_jobs, plan_jobs, read_jobs, refuse_report
from faceloom.swap.pipeline.swap_request import Wanted
from faceloom.video import spooled

REPORT = "report.json"


def convert_one(
    target: Path, out: Path | None, wanted: Wanted, options: ConvertOptions, *, json: bool
) -> None:
    """Convert one target and say how it went."""
    out = _needed(out)
    to_standard_output = str(out) == "-"
    if options.resume and "-" in (str(out), str(target)):
        raise UsageError("What comes or goes by a pipe cannot be gone on with; leave out --resume.")
    if json and to_standard_output:
        raise UsageError("--json and --out - both need standard output; leave one out.")
    # What was read from a pipe is gone with this process.
    options = replace(options, resumable=str(target) != "-")
    with spooled(target) as read, progress_display() as report:
        summary = run_to_completion(wanted.convert(read, out, options), report)
    print_result(summary, _sentence(out, wanted, summary), json=json, aside=to_standard_output)


def convert_several(
    targets: Sequence[Path],
    out: Path | None,
    wanted: Wanted,
    options: ConvertOptions,
    report: Path | None,
    *,
    json: bool,
) -> None:
    """Convert the targets into a folder and write a report; raise PartlyDone if some failed."""
    folder = _needed(out)
    _convert_jobs(plan_jobs(targets, folder, wanted, options), report or folder / REPORT, json=json)


def convert_listed(
    job_file: Path,
    beside: Sequence[Path],
    wanted: Wanted | None,
    options: ConvertOptions,
    report: Path | None,
    *,
    json: bool,
) -> None:
    """Convert what a job file lists and write a report; raise PartlyDone if some failed.

    beside: targets and output that were named as well, which is refused.
    """
    if beside:
        raise UsageError(f"--job names its targets and outputs itself; leave out {beside[0]}.")
    _convert_jobs(
        read_jobs(job_file, wanted, options), report or job_file.with_name(REPORT), json=json
    )


def _convert_jobs(jobs: Sequence[Job], report: Path, *, json: bool) -> None:
    refuse_report(report, jobs, force=any(job.options.force for job in jobs))
    with progress_display() as show:
        done = run_to_completion(convert_jobs(jobs, report), show)
    failed, count = done.failed, len(done.jobs)
    kept = sum(row.state == "kept" for row in done.jobs)
    unmarked = sum(row.state == "done" and not row.marked for row in done.jobs)
    said = f" {unmarked} of them are not marked." if unmarked else ""
    before = f", {kept} of them before" if kept else ""
    whole = f"{count - len(failed)} of {count} targets are converted{before}; see {report}.{said}"
    print_result(done, whole, json=json)
    if failed:
        said = " ".join(row.message for row in failed[:3])
        raise PartlyDone(
            f"{len(failed)} of {count} targets failed: {said} The same command with --resume goes on."
        )


def only_one(targets: Sequence[Path] | None) -> Path:
    """Return the one target that there is; raise UsageError if there are none or several."""
    if not targets:
        raise UsageError("Give a TARGET: a video, a GIF, a picture or a folder of pictures.")
    if len(targets) > 1:
        raise UsageError("This looks at one target; give one.")
    return targets[0]


def _needed(out: Path | None) -> Path:
    if out is None:
        raise UsageError(
            "Give --out OUT, or --preview SHEET.png to see a few moments without writing a video."
        )
    return out


def _sentence(out: Path, wanted: Wanted, summary: ConvertSummary) -> str:
    rate = (summary.frames - summary.resumed_at) / summary.seconds
    ran = f"{summary.provider} in {summary.precision}" if summary.precision else summary.provider
    still = f", with {wanted.faceset / summary.still}" if wanted.faceset and summary.still else ""
    missing = (
        f" In {summary.missing_frames} frames a face was lost." if summary.missing_frames else ""
    )
    before = f" {summary.resumed_at} of them were done before." if summary.resumed_at else ""
    swapped = f"{summary.swapped_frames} of {summary.frames} frames swapped on {ran}"
    said = honesty(summary.marked, summary.faces, content_checked=summary.content_checked)
    return f"{out}: {swapped}, {rate:.1f} frames/s{still}.{before}{missing} {said}"


def honesty(marked: Marked, faces: Sequence[WornFace], *, content_checked: bool) -> str:
    """Return what an output says of itself, who agreed, and what was looked for."""
    agreed = "".join(
        f" Consent of {face.identity}: {face.consent}." for face in faces if face.consent
    )
    checked = " The content check refused nothing." if content_checked else ""
    return f"{marked}{agreed}{checked}"
