"""Run each command with less and less address space and print how it ends.

python -m benchmarks.robustness.memory_limits [COMMAND...] [--inputs FOLDER]

The limit is RLIMIT_AS, which counts reserved address space, so that it is reached before the memory
is full. A refusal is faultless if the exit code is a documented one, standard error is one sentence
of Faceloom without a traceback, and the output does not exist. Prints a row for each command and
limit; exits with 1 if a refusal had a fault. `--inputs` names a folder that keeps the input of the
commands for the next run.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from faceloom.image_io import write_png
from faceloom.video import read_frames

_SAMPLE = Path(str(files("faceloom.demo") / "sample"))
# Limits, the largest first, in MB of 10^6 bytes.
_LIMITS_MB = (
    *(10000, 7000, 5000, 4000, 3000, 2500, 2000, 1700, 1400, 1200, 1000, 850, 700, 600, 500),
    *(400, 300, 200, 100),
)
# Exit codes of a command that lacks memory (docs/architecture.md).
_DOCUMENTED = (2, 3, 4, 5, 8)
# Seconds after which a command is ended.
_PATIENCE = 300
# Exit code of a command that was ended.
_HANGS = 999
# How the messages of a command begin.
_PREFIX = "faceloom: "
# Names of the input, which stays when a command's output is removed.
_INPUT = ("clip.mp4", "picture.png", "face.mp4", "ada", "ben", "base", "ben.bundle")
_TRAIN = ("train", "--config", "smoke", "--faces", "ada=ada", "--faces", "ben=ben")
_COMMANDS: dict[str, tuple[str, ...]] = {
    "extract": ("extract", "clip.mp4", "--out", "out", "--every", "5"),
    "extract, one picture": ("extract", "picture.png", "--out", "out"),
    "review": ("review", "ada", "--report", "out.html"),
    "review --target": ("review", "ada", "--target", "clip.mp4", "--report", "out.html"),
    "curate": ("curate", "ada", "--drop", "sharpness<0.1", "--dedupe"),
    "train": (*_TRAIN, "--run", "out", "--steps", "2"),
    "export": ("export", "base", "--identity", "ben", "--out", "out.bundle"),
    "convert": ("convert", "clip.mp4", "--bundle", "ben.bundle", "--out", "out.mp4"),
    "convert, one picture": (
        "convert",
        "picture.png",
        "--bundle",
        "ben.bundle",
        "--out",
        "out.png",
    ),
    "compare": ("compare", "clip.mp4", "clip.mp4", "--identity", "ben", "--report", "out.html"),
    "inspect, a bundle": ("inspect", "ben.bundle"),
    "inspect, a run": ("inspect", "base"),
    "verify": ("verify", "clip.mp4"),
    "studio": ("studio", "out", "--no-browser"),
    "swap": ("swap", "face.mp4", "--onto", "clip.mp4", "--out", "out.mp4", "--minutes", "1"),
}


@dataclass(frozen=True)
class Outcome:
    """How a command ended under a limit."""

    exit_code: int
    """Its exit code; negative: the signal that ended it."""
    seconds: float
    """Wall time."""
    message: str
    """The last line on standard error."""
    faults: tuple[str, ...]
    """What is wrong with the refusal."""


def prepare(folder: Path) -> None:
    """Make two face sets, a run and a bundle in a folder that lacks them."""
    if (folder / _INPUT[-1]).exists():
        return
    shutil.copy(_SAMPLE / "target_ada.mp4", folder / "clip.mp4")
    write_png(folder / "picture.png", next(read_frames(folder / "clip.mp4")).rgb)
    _run_whole(
        "extract", "clip.mp4", "--out", "ada", "--name", "ada", "--every", "3", folder=folder
    )
    shutil.copy(_SAMPLE / "train_ben.mp4", folder / "face.mp4")
    _run_whole("extract", "face.mp4", "--out", "ben", "--every", "6", folder=folder)
    _run_whole(*_TRAIN, "--run", "base", "--steps", "2", folder=folder)
    _run_whole("export", "base", "--identity", "ben", "--out", "ben.bundle", folder=folder)


def _run_whole(*arguments: object, folder: Path) -> None:
    command = [sys.executable, "-m", "faceloom", *map(str, arguments)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def run_limited(arguments: Sequence[str], folder: Path, limit: int) -> Outcome:
    """Run a command with `limit` bytes of address space; `studio` is ended once it serves."""
    begin = time.monotonic()
    set_limit = f'ulimit -v {limit // 1024} && exec "$@"'
    process = subprocess.Popen(
        ["sh", "-c", set_limit, "sh", sys.executable, "-m", "faceloom", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _, text = process.communicate(timeout=20 if arguments[0] == "studio" else _PATIENCE)
        code = process.returncode
    except subprocess.TimeoutExpired:
        process.terminate()
        _, text = process.communicate()
        code = 0 if arguments[0] == "studio" else _HANGS
    outputs = [path.name for path in folder.iterdir() if path.name.startswith("out")]
    lines = [line for line in text.splitlines() if line.strip()]
    return Outcome(
        code,
        time.monotonic() - begin,
        lines[-1] if lines else "",
        tuple(_faults(code, text, lines, outputs)) if code else (),
    )


def _faults(code: int, text: str, lines: Sequence[str], outputs: Sequence[str]) -> list[str]:
    messages = [line for line in lines if line.startswith(_PREFIX)]
    faults = {
        f"exit code {code}": code not in _DOCUMENTED,
        "traceback": "Traceback" in text,
        f"{len(messages)} messages": len(messages) != 1,
        # A run, a project and the journals of an extraction can be continued.
        f"left {', '.join(outputs)}": bool(set(outputs) - {"out", "out.work", "out.faceloom"}),
    }
    return [fault for fault, is_present in faults.items() if is_present]


def clean(folder: Path) -> None:
    """Remove everything but the input."""
    for path in folder.iterdir():
        if path.name not in _INPUT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commands", nargs="*", help="names; all by default")
    parser.add_argument("--inputs", type=Path, help="folder that keeps the input")
    parser.add_argument("--start", type=int, default=_LIMITS_MB[0], help="largest limit in MB")
    parser.add_argument("--end", type=int, default=0, help="smallest limit in MB")
    options = parser.parse_args()
    faulty = 0
    with ExitStack() as stack:
        folder = options.inputs or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        prepare(folder)
        print("| command | limit | exit code | seconds | message | faults |")
        print("|---|---|---|---|---|---|")
        for name in options.commands or _COMMANDS:
            for limit in _LIMITS_MB:
                if not options.end <= limit <= options.start:
                    continue
                outcome = run_limited(_COMMANDS[name], folder, limit * 1_000_000)
                clean(folder)
                faulty += bool(outcome.faults)
                print(
                    f"| `{name}` | {limit} MB | {outcome.exit_code} | {outcome.seconds:.1f} | "
                    f"{outcome.message[:300]} | {', '.join(outcome.faults)} |",
                    flush=True,
                )
    return int(faulty > 0)


if __name__ == "__main__":
    sys.exit(main())
