"""What `faceloom convert` does and says: of one target, or of several."""

from collections.abc import Sequence
from pathlib import Path

from faceloom.atomic import write_text
from faceloom.cli.console import print_result, progress_display
from faceloom.documents import to_json
from faceloom.errors import PartlyDone, UsageError
from faceloom.progress import finish
from faceloom.swap import ConvertOptions, ConvertSummary
from faceloom.swap.jobs import JobsReport, convert_jobs, plan_jobs, read_jobs
from faceloom.swap.wanted import Wanted
from faceloom.video import spooled

REPORT = "report.json"


def convert_one(target: Path, out: Path | None, wanted: Wanted, options: ConvertOptions, *, json: bool) -> None:
    """Convert one target and say how it went."""
    out = _needed(out)
    to_standard_output = str(out) == "-"
    if json and to_standard_output:
        raise UsageError("--json and --out - both need standard output; leave one out.")
    with spooled(target) as read, progress_display() as report:
        summary = finish(wanted.convert(read, out, options), report)
    print_result(summary, _sentence(out, wanted, summary), json=json, aside=to_standard_output)


def convert_several(
    job_file: Path | None,
    targets: Sequence[Path],
    out: Path | None,
    wanted: Wanted | None,
    options: ConvertOptions,
    report_file: Path | None,
    *,
    json: bool,
) -> None:
    """Convert the targets of a job file, or those that are named, and write a report.

    Raises PartlyDone if some failed.
    """
    if job_file:
        if targets or out:
            raise UsageError("--job names its targets and outputs itself; leave out TARGET and --out.")
        jobs = read_jobs(job_file, wanted, options)
        report_file = report_file or job_file.with_name(REPORT)
    else:
        assert wanted is not None, "asked for where there is no job file"
        jobs = plan_jobs(targets, _needed(out), wanted, options)
        report_file = report_file or _needed(out) / REPORT
    with progress_display() as show:
        done = finish(convert_jobs(jobs), show)
    write_text(report_file, to_json(done))
    failed = done.failed
    whole = f"{len(done.jobs) - len(failed)} of {len(done.jobs)} targets are converted; see {report_file}."
    print_result(done, whole, json=json)
    if failed:
        said = " ".join(row.message for row in failed[:3])
        raise PartlyDone(f"{len(failed)} of {len(done.jobs)} targets failed: {said} The same command with --resume goes on.")


def only_one(targets: Sequence[Path] | None) -> Path:
    """Return the one target that there is; raise UsageError if there are none or several."""
    if not targets:
        raise UsageError("Give a TARGET: a video, a GIF, a picture or a folder of pictures.")
    if len(targets) > 1:
        raise UsageError("This looks at one target; give one.")
    return targets[0]


def _needed(out: Path | None) -> Path:
    if out is None:
        raise UsageError("Give --out OUT, or --preview SHEET.png to see a few moments without writing a video.")
    return out


def _sentence(out: Path, wanted: Wanted, summary: ConvertSummary) -> str:
    rate = (summary.frames - summary.resumed_at) / summary.seconds
    ran = f"{summary.provider} in {summary.precision}" if summary.precision else summary.provider
    still = f", with {wanted.faceset / summary.still}" if wanted.faceset and summary.still else ""
    missing = f" In {summary.missing_frames} frames a face was lost." if summary.missing_frames else ""
    before = f" {summary.resumed_at} of them were done before." if summary.resumed_at else ""
    swapped = f"{summary.swapped_frames} of {summary.frames} frames swapped on {ran}"
    return f"{out}: {swapped}, {rate:.1f} frames/s{still}.{before}{missing}"
