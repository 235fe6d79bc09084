"""Run the demo: `faceloom swap` on the sample, with a baseline and the ground truth."""

import json
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faceloom.atomic import write_text
from faceloom.compare import Comparison
from faceloom.demo.page import write_page
from faceloom.demo.sample_clips import PRESET, SOURCE, STEPS, TARGET, sample_clip
from faceloom.demo.side_by_side import write_side_by_side
from faceloom.errors import UsageError
from faceloom.output_lock import while_locked
from faceloom.progress import ProgressGenerator
from faceloom.project import Project, SwapPlan, SwapSettings, prepare_swap, run_plan
from faceloom.project.step import Step, key_of

# Seconds that the baseline takes, for the progress.
_BASELINE_SECONDS = 5.0
# The file that identifies a folder as a demo's.
_MARKER = ".faceloom-demo"
# What a demo leaves in its folder.
_OUTPUTS = (
    "project",
    "swapped.mp4",
    "paste.mp4",
    "comparison.html",
    "preview.png",
    "side_by_side.png",
    "report.html",
    "demo.json",
)


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """The results of the demo's commands."""

    out: Path
    """The demo's folder."""
    rows: tuple[tuple[str, str], ...]
    """A table of steps and their results."""
    comparison: str
    """The comparison of the swap with the ground truth, as text."""
    seconds: float
    """Duration of the demo."""

    def to_text(self) -> str:
        """Return the table, the comparison and the path of the report."""
        table = "\n".join(f"{step:<28}{result}" for step, result in self.rows)
        return f"{table}\n\n{self.comparison}\n\nOpen {self.out / 'report.html'} to see the result."


def run_demo(
    out: Path, *, steps: int | None = None, force: bool = False
) -> ProgressGenerator[DemoSummary]:
    """Swap the included sample, and compare the result with a baseline and the ground truth.

    Args:
        out: The folder for all results.
        steps: Training steps; None: `STEPS`.
        force: Whether to replace an earlier demo in the folder.

    Yields:
        `SwapProgress`.

    Returns:
        The results.

    Raises:
        UsageError: The folder is not empty.
        FaceloomError: A command failed; it has the command's exit code.
    """
    return while_locked(out, _run_demo(out, steps=steps, force=force))


def _run_demo(out: Path, *, steps: int | None, force: bool) -> ProgressGenerator[DemoSummary]:
    started = time.monotonic()
    _prepare_folder(out, force=force)
    truth, paste = sample_clip("truth", SOURCE), out / "paste.mp4"
    settings = _settings(out, steps or STEPS)
    project = Project.read(settings.project)
    with project.lock():
        plan = yield from prepare_swap(settings, project)
        plan = _with_ground_truth(plan, project, paste, truth, out / "comparison.html")
        yield from run_plan(plan, project)
    results = {step.title: _result(project, step) for step in plan.steps}
    _copy_training_preview(plan, out / "preview.png")
    write_side_by_side(settings.target, (paste, settings.out, truth), out / "side_by_side.png")
    return _write_report(out, plan, results, time.monotonic() - started)


def _settings(out: Path, steps: int | None) -> SwapSettings:
    # The ground truth keeps ben's skin color, so that the swap has to keep it too.
    return SwapSettings(
        guests=(sample_clip("train", SOURCE),),
        target=sample_clip("target", TARGET),
        out=out / "swapped.mp4",
        project=out / "project",
        target_footage=(sample_clip("train", TARGET),),
        preset=PRESET,
        steps=steps,
        guest_name=SOURCE,
        target_name=TARGET,
        convert_options=("--color", "none"),
    )


def _with_ground_truth(
    plan: SwapPlan, project: Project, paste: Path, truth: Path, report: Path
) -> SwapPlan:
    """Add the baseline that a trained swap must beat, one still, and compare with both."""
    *before, compare = plan.steps
    target, faces = plan.settings.target, project.faces(SOURCE)
    baseline = Step(
        title="convert with one pasted still",
        arguments=(
            "convert", str(target), "--baseline", "paste", "--identity", str(faces),
            "--out", str(paste),
        ),
        artifact=paste,
        key=key_of(plan.steps[0].key),
        seconds=_BASELINE_SECONDS,
    )  # fmt: skip
    against_truth = replace(
        compare,
        arguments=(
            "compare", str(target), str(plan.settings.out), "--paste", str(paste),
            "--truth", str(truth), "--identity", str(faces), "--other", str(project.faces(TARGET)),
            "--report", str(report),
        ),
        artifact=report,
        optional=False,
    )  # fmt: skip
    return replace(plan, steps=(*before, baseline, against_truth))


def _result(project: Project, step: Step) -> dict[str, Any]:
    record = project.step(step.artifact)
    return dict(record.result) if record else {}


def _copy_training_preview(plan: SwapPlan, path: Path) -> None:
    (train,) = (step for step in plan.steps if step.pictures)
    newest = max(train.artifact.glob(train.pictures), key=lambda sheet: sheet.stat().st_mtime_ns)
    shutil.copyfile(newest, path)


def _write_report(
    out: Path, plan: SwapPlan, results: dict[str, dict[str, Any]], seconds: float
) -> DemoSummary:
    rows, compared = _rows(plan, results), results[plan.steps[-1].title]
    comparison = Comparison.from_json(compared)
    write_page(
        rows,
        comparison,
        plan.settings.out,
        out / "preview.png",
        out / "side_by_side.png",
        out / "report.html",
    )
    document = json.dumps({"rows": dict(rows), "compare": compared}, indent=2)
    write_text(out / "demo.json", document + "\n")
    return DemoSummary(out, rows, comparison.to_text(), seconds)


def _prepare_folder(out: Path, *, force: bool) -> None:
    """Refuse a folder with other contents; with `force`, remove an earlier demo's outputs."""
    occupied = out.exists() and (not out.is_dir() or any(out.iterdir()))
    if occupied and not force:
        raise UsageError(
            f"{out} already exists; choose another folder, or pass --force to replace an earlier "
            "demo in it."
        )
    if occupied and out.is_dir() and not (out / _MARKER).exists():
        raise UsageError(
            f"{out} contains other files than an earlier demo's; choose another folder."
        )
    for name in _OUTPUTS:
        output = out / name
        if output.is_dir():
            shutil.rmtree(output)
        else:
            output.unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / _MARKER).touch()


def _rows(plan: SwapPlan, results: dict[str, dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    by_command = {step.arguments[0]: results[step.title] for step in plan.steps}
    extracted = [results[step.title] for step in plan.steps if step.arguments[0] == "extract"]
    swapped = results[next(step.title for step in plan.steps if step.artifact == plan.settings.out)]
    trained, exported = by_command["train"], by_command["export"]
    faces = ", ".join(
        f"{each['identity']} {each['faces']} in {each['frames']} frames" for each in extracted
    )
    rate = swapped["frames"] / swapped["seconds"]
    difference = exported["graphs"][0]["parity"]["max_difference"]
    return (
        ("faces found", faces),
        (
            "training",
            f"{trained['step']} steps, {trained['seconds']:.0f} s, "
            f"{trained['faces_per_second']:.0f} faces/s",
        ),
        ("export", f"differs from Keras by at most {difference} of 255 levels"),
        (
            "conversion",
            f"{swapped['frames']} frames at {rate:.1f} frames/s on {swapped['provider']}",
        ),
    )
