"""Run the demo: the commands of the workflow, then pictures and a report."""

import json
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from rich.console import Console

from faceloom.atomic import write_text
from faceloom.compare import Comparison
from faceloom.demo.page import write_page
from faceloom.demo.side_by_side import write_side_by_side
from faceloom.errors import FaceloomError, UsageError
from faceloom.output_lock import lock_output

# The sample's source identity, whose face is put in.
_SOURCE = "ben"
# The sample's target identity, whose face is replaced.
_TARGET = "ada"
# The file that identifies a folder as a demo's.
_MARKER = ".faceloom-demo"
# What a demo leaves in its folder.
_OUTPUTS = (
    "faces",
    "run",
    f"{_SOURCE}.bundle",
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


def run_demo(out: Path, *, steps: int | None = None, force: bool = False) -> DemoSummary:
    """Extract, train, export, convert and compare the included sample.

    Each step is a `faceloom` command in its own process, printed before it runs, so that it can be
    copied and changed.

    Args:
        out: The folder for all results.
        steps: Training steps; the preset's if None.
        force: Whether to replace an earlier demo in the folder.

    Returns:
        The results.

    Raises:
        UsageError: The folder is not empty.
        FaceloomError: A command failed; it has the command's exit code.
    """
    with lock_output(out):
        return _run_demo(out, steps=steps, force=force)


def _run_demo(out: Path, *, steps: int | None, force: bool) -> DemoSummary:
    started = time.monotonic()
    _prepare_folder(out, force=force)
    sample = Path(str(files("faceloom.demo") / "sample"))
    target, truth = sample / f"target_{_TARGET}.mp4", sample / f"truth_{_SOURCE}.mp4"
    swapped, paste = out / "swapped.mp4", out / "paste.mp4"
    faces = {name: out / "faces" / name for name in (_TARGET, _SOURCE)}

    extracted = [
        _faceloom("extract", sample / f"train_{name}.mp4", "--out", path, "--name", name)
        for name, path in faces.items()
    ]
    trained, exported = _train_and_export(out, faces, steps)
    # The ground truth keeps ben's skin color, so that the swap has to keep it too.
    bundle = out / f"{_SOURCE}.bundle"
    converted = _faceloom(
        "convert", target, "--bundle", bundle, "--out", swapped, "--color", "none"
    )
    source_faces = ("--identity", faces[_SOURCE])
    # The baseline that a trained swap must beat: one still, pasted into each frame.
    _faceloom("convert", target, "--baseline", "paste", *source_faces, "--out", paste)
    versions = ("--paste", paste, "--truth", truth, *source_faces, "--other", faces[_TARGET])
    report = ("--report", out / "comparison.html")
    compared = _faceloom("compare", target, swapped, *versions, *report)

    preview, side_by_side = out / "preview.png", out / "side_by_side.png"
    shutil.copyfile(trained["preview"], preview)
    write_side_by_side(target, (paste, swapped, truth), side_by_side)
    rows = _rows(extracted, trained, exported, converted)
    comparison = Comparison.from_json(compared).to_text()
    write_page(rows, comparison, swapped, preview, side_by_side, out / "report.html")
    results = json.dumps({"rows": dict(rows), "compare": compared}, indent=2)
    write_text(out / "demo.json", results + "\n")
    return DemoSummary(out, rows, comparison, time.monotonic() - started)


def _train_and_export(
    out: Path, faces: dict[str, Path], steps: int | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    run, bundle = out / "run", out / f"{_SOURCE}.bundle"
    face_sets = [part for name, path in faces.items() for part in ("--faces", f"{name}={path}")]
    limit = ["--steps", steps] if steps else []
    trained = _faceloom("train", "--config", "smoke", *face_sets, "--run", run, *limit)
    exported = _faceloom("export", run, "--identity", _SOURCE, "--out", bundle)
    return trained, exported


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


def _faceloom(*arguments: object) -> dict[str, Any]:
    """Run one command with its progress visible, and return its JSON result."""
    words = [str(argument) for argument in arguments]
    command = f"\n$ faceloom {shlex.join(words)}"
    Console(stderr=True).print(command, style="bold", markup=False, highlight=False, soft_wrap=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "faceloom", *words, "--json"], stdout=subprocess.PIPE, text=True
    )
    output, code = _wait(process)
    if code:
        # The command itself printed the reason.
        failure = FaceloomError(f"The demo stopped, since `faceloom {words[0]}` failed.")
        failure.exit_code = code
        raise failure
    result: dict[str, Any] = json.loads(output)
    return result


def _wait(process: "subprocess.Popen[str]") -> tuple[str, int]:
    """Wait for a command. Ctrl-C reaches the command as well, which then ends by itself."""
    while True:
        try:
            return process.communicate()[0], process.returncode
        except KeyboardInterrupt:
            continue


def _rows(
    extracted: list[dict[str, Any]],
    trained: dict[str, Any],
    exported: dict[str, Any],
    converted: dict[str, Any],
) -> tuple[tuple[str, str], ...]:
    faces = ", ".join(
        f"{each['identity']} {each['faces']} in {each['frames']} frames" for each in extracted
    )
    rate = converted["frames"] / converted["seconds"]
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
            f"{converted['frames']} frames at {rate:.1f} frames/s on {converted['provider']}",
        ),
    )
