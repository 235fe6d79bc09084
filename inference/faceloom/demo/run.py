"""Run the demo: six commands, then pictures and a page."""

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

GUEST, HOST = "ben", "ada"
# What shows that a folder is a demo's, and what a demo leaves there.
_MARKER = ".faceloom-demo"
_MADE = (
    "faces",
    "run",
    "ben.bundle",
    "swapped.mp4",
    "paste.mp4",
    "judge.html",
    "preview.png",
    "side_by_side.png",
    "report.html",
    "demo.json",
)


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What each command said of its work; `rows` is the table (what, figure)."""

    out: Path
    rows: tuple[tuple[str, str], ...]
    comparison: str
    seconds: float

    def to_text(self) -> str:
        """Return the table, and where to look."""
        table = "\n".join(f"{what:<28}{figure}" for what, figure in self.rows)
        return f"{table}\n\n{self.comparison}\n\nLook at {self.out / 'report.html'}"


def run_demo(out: Path, *, steps: int | None = None, force: bool = False) -> DemoSummary:
    """Extract, train, export, convert and compare the sample in the folder `out`.

    Each step is a `faceloom` command in a process of its own, printed before it runs, so that it
    can be copied and changed. Raises UsageError if `out` holds something and not `force`, and
    what a step raises.
    """
    started = time.monotonic()
    _make_room(out, force=force)
    sample = Path(str(files("faceloom.demo") / "sample"))
    target, truth = sample / f"target_{HOST}.mp4", sample / f"truth_{GUEST}.mp4"
    swapped, bundle, run = out / "swapped.mp4", out / f"{GUEST}.bundle", out / "run"
    paste = out / "paste.mp4"
    faces = {name: out / "faces" / name for name in (HOST, GUEST)}

    found = [
        _faceloom("extract", sample / f"train_{name}.mp4", "--out", path, "--name", name)
        for name, path in faces.items()
    ]
    named = [part for name, path in faces.items() for part in ("--faces", f"{name}={path}")]
    limit = ["--steps", steps] if steps else []
    trained = _faceloom("train", "--config", "smoke", *named, "--run", run, *limit)
    exported = _faceloom("export", run, "--identity", GUEST, "--out", bundle)
    # The truth keeps ben's own tone of skin, so the swap does too.
    converted = _faceloom(
        "convert", target, "--bundle", bundle, "--out", swapped, "--color", "none"
    )
    # What a trained swap must beat: one still, laid over the clip.
    _faceloom("convert", target, "--baseline", "paste", "--identity", faces[GUEST], "--out", paste)
    others = (
        "--paste",
        paste,
        "--truth",
        truth,
        "--identity",
        faces[GUEST],
        "--other",
        faces[HOST],
    )
    judged = _faceloom("compare", target, swapped, *others, "--report", out / "judge.html")

    shutil.copyfile(trained["preview"], out / "preview.png")
    write_side_by_side(target, (paste, swapped, truth), out / "side_by_side.png")
    rows = _rows(found, trained, exported, converted)
    comparison = Comparison.of(judged).to_text()
    write_page(
        rows,
        comparison,
        swapped,
        out / "preview.png",
        out / "side_by_side.png",
        out / "report.html",
    )
    write_text(
        out / "demo.json", json.dumps({"rows": dict(rows), "compare": judged}, indent=2) + "\n"
    )
    return DemoSummary(out, rows, comparison, time.monotonic() - started)


def _make_room(out: Path, *, force: bool) -> None:
    """Refuse a folder that holds anything; with `force`, clear one that an earlier demo made."""
    if out.is_dir() and any(out.iterdir()) and force and not (out / _MARKER).exists():
        raise UsageError(f"{out} holds other things than an earlier demo; choose another folder.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not force:
        raise UsageError(
            f"{out} exists already; choose another folder or pass --force to run the demo in it again."
        )
    for name in _MADE:
        old = out / name
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / _MARKER).touch()


def _faceloom(*arguments: object) -> dict[str, Any]:
    """Run one command, its progress shown as it comes; return its result."""
    words = [str(argument) for argument in arguments]
    said = f"\n$ faceloom {shlex.join(words)}"
    Console(stderr=True).print(said, style="bold", markup=False, highlight=False, soft_wrap=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "faceloom", *words, "--json"], stdout=subprocess.PIPE, text=True
    )
    said, code = _wait(process)
    if code:
        # The command has said why.
        failure = FaceloomError(f"The demo ended, as `faceloom {words[0]}` did not succeed.")
        failure.exit_code = code
        raise failure
    result: dict[str, Any] = json.loads(said)
    return result


def _wait(process: "subprocess.Popen[str]") -> tuple[str, int]:
    """Wait for a command's result. Ctrl-C reaches the command as well, which ends by itself and says how."""
    while True:
        try:
            return process.communicate()[0], process.returncode
        except KeyboardInterrupt:
            continue


def _rows(
    found: list[dict[str, Any]],
    trained: dict[str, Any],
    exported: dict[str, Any],
    converted: dict[str, Any],
) -> tuple[tuple[str, str], ...]:
    faces = ", ".join(f"{f['identity']} {f['faces']} in {f['frames']} frames" for f in found)
    speed = trained["faces_per_second"]
    rate = converted["frames"] / converted["seconds"]
    return (
        ("faces found", faces),
        ("training", f"{trained['step']} steps, {trained['seconds']:.0f} s, {speed:.0f} faces/s"),
        (
            "export",
            f"differs from Keras by at most {exported['graphs'][0]['proof']['max_difference']} of 255 levels",
        ),
        (
            "conversion",
            f"{converted['frames']} frames at {rate:.1f} frames/s on {converted['provider']}",
        ),
    )
