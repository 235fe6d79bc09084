"""Press Ctrl-C at random times in every long command and count how often it is heard.

python -m benchmarks.robustness.interrupts [PRESSES] [--load]

PRESSES (default 200) are spread evenly over the commands, each at a uniformly random time between
the start of the process and its undisturbed end. `--load` keeps two other processes computing.
A press is heard if the process ends with exit code 130 (or by SIGINT itself, which shells report
as 130) within 60 seconds, prints no traceback, and leaves no output that looks complete.
Prints a row for each command and exits with 1 if a press was not heard.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

SAMPLE = Path(str(files("faceloom.demo") / "sample"))
HEARD = (130, -signal.SIGINT)
# Seconds that a command may take to end after Ctrl-C.
PATIENCE = 60.0
# The interpreter cannot hear a signal before it runs `faceloom.__main__`.
EARLIEST = 0.15
# Stands for the exit code of a command that did not end.
HANGS = 999


@dataclass(frozen=True)
class Command:
    """A command, the file that exists only if it finished, and how long it takes undisturbed."""

    name: str
    arguments: tuple[str, ...]
    output: str
    seconds: float = 0.0


@dataclass
class Tally:
    """What became of the presses in one command."""

    heard: int = 0
    finished: int = 0
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0


def press(command: Command, folder: Path, after: float) -> tuple[int | None, str, float]:
    """Start a command, press Ctrl-C after some seconds; return exit code, stderr and delay.

    The exit code is None if the command printed its result before the press.
    """
    with tempfile.TemporaryFile() as result:
        process = subprocess.Popen(
            [sys.executable, "-m", "faceloom", *command.arguments],
            stdout=result,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=after)
            return None, "", 0.0
        finished = os.fstat(result.fileno()).st_size > 0
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            _, text = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            return HANGS, process.communicate()[1], PATIENCE
    return None if finished else process.returncode, text, time.monotonic() - pressed


def prepare(folder: Path) -> list[Command]:
    """Make a face set, a run and a bundle, and return the commands to interrupt."""
    shutil.copy(SAMPLE / "target_ada.mp4", folder / "clip.mp4")
    run("extract", "clip.mp4", "--out", "ada", "--name", "ada", "--every", "3", folder=folder)
    run("extract", SAMPLE / "train_ben.mp4", "--out", "ben", "--every", "6", folder=folder)
    train = ("train", "--config", "smoke", "--faces", "ada=ada", "--faces", "ben=ben")
    run(*train, "--run", "base", "--steps", "2", folder=folder)
    run("export", "base", "--identity", "ben", "--out", "ben.bundle", folder=folder)
    commands = [
        Command("extract", ("extract", "clip.mp4", "--out", "out.faces"), "out.faces"),
        Command(
            "review", ("review", "ada", "--target", "clip.mp4", "--report", "r.html"), "r.html"
        ),
        Command("train", (*train, "--run", "out.run", "--steps", "12"), ""),
        Command("export", ("export", "base", "--identity", "ben", "--out", "x.bundle"), "x.bundle"),
        Command(
            "convert", ("convert", "clip.mp4", "--bundle", "ben.bundle", "--out", "o.mp4"), "o.mp4"
        ),
        Command(
            "preview",
            ("convert", "clip.mp4", "--bundle", "ben.bundle", "--preview", "p.png"),
            "p.png",
        ),
        Command("compare", ("compare", "clip.mp4", "clip.mp4", "--identity", "ben"), ""),
        Command("doctor", ("doctor",), ""),
    ]
    timed = []
    for command in commands:
        began = time.monotonic()
        run(*command.arguments, folder=folder)
        timed.append(
            Command(command.name, command.arguments, command.output, time.monotonic() - began)
        )
        clean(folder)
    return timed


def run(*arguments: object, folder: Path) -> None:
    """Run a command to its end; raise if it fails."""
    command = [sys.executable, "-m", "faceloom", *map(str, arguments)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def clean(folder: Path) -> None:
    """Remove what an interrupted command left or made."""
    for path in folder.iterdir():
        if path.name in ("clip.mp4", "ada", "ben", "base", "ben.bundle"):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def interrupt_often(command: Command, folder: Path, presses: int, chance: random.Random) -> Tally:
    """Press Ctrl-C in a command again and again, at random times."""
    tally = Tally()
    while tally.heard + len(tally.failures) < presses:
        after = chance.uniform(EARLIEST, command.seconds)
        code, text, delay = press(command, folder, after)
        if code is None:
            tally.finished += 1
        elif (
            code in HEARD
            and "Traceback" not in text
            and not (folder / (command.output or "-")).exists()
        ):
            tally.heard += 1
            tally.slowest = max(tally.slowest, delay)
        else:
            last = " | ".join(text.strip().splitlines()[-3:])
            tally.failures.append(f"{after:.2f} s of {command.seconds:.2f}: exit {code}: {last}")
        clean(folder)
    return tally


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark and print its table."""
    # Shells start background jobs with SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    presses = int(next((a for a in arguments if a.isdecimal()), "200"))
    chance = random.Random(0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        commands = prepare(folder)
        if "--load" in arguments:
            for _ in range(2):
                busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
                stack.callback(busy.kill)
        failed = 0
        print(f"{'command':10} heard  not heard  slowest s  undisturbed s")
        for command in commands:
            tally = interrupt_often(command, folder, -(-presses // len(commands)), chance)
            failed += len(tally.failures)
            print(
                f"{command.name:10} {tally.heard:5}  {len(tally.failures):9}  {tally.slowest:9.2f}"
                f"  {command.seconds:13.2f}",
                flush=True,
            )
            for failure in tally.failures:
                print(f"    {failure}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
