"""Extract and convert a long clip and print the memory over the time.

python -m benchmarks.robustness.memory_over_time CLIP BUNDLE [--frames N] [--rate R] [--minutes M]
    [--commands COMMAND...]

The long clip repeats the packets of CLIP, which starts with a key frame and has no B-frames across
its end, up to N frames of 1/R seconds each. Each command runs with one process; its resident memory
is sampled twice a second. A command that runs for M minutes is ended. Prints how many frames each
completed, and the median of the memory in each tenth of the time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil

from faceloom.progress import PROGRESS_FORMAT_VARIABLE

# Seconds between two samples of the memory.
_SAMPLE_SECONDS = 0.5
# Parts of the time whose medians are printed.
_PARTS = 10
_COMMANDS = ("convert", "extract")


@dataclass(frozen=True, slots=True)
class Samples:
    """Measurements of a command."""

    seconds: float
    """How long it ran."""
    megabytes: list[float]
    """Its resident memory over the time, in MB."""
    frames: int
    """How many frames it completed."""


def repeat(clip: Path, out: Path, frames: int, rate: int) -> None:
    """Write the packets of a clip again and again, without encoding them."""
    with av.open(str(clip)) as source, av.open(str(out), "w") as target:
        stream = source.streams.video[0]
        packets = [packet for packet in source.demux(stream) if packet.size]
        ranks = np.argsort(np.argsort([packet.pts for packet in packets])).tolist()
        copy = target.add_stream_from_template(stream)
        step = round(1 / rate / stream.time_base)
        for start in range(0, frames, len(packets)):
            for place, (packet, rank) in enumerate(zip(packets, ranks, strict=True)):
                new = av.Packet(bytes(packet))
                new.stream, new.time_base = copy, Fraction(stream.time_base)
                new.pts, new.dts = (start + rank + 2) * step, (start + place) * step
                new.is_keyframe = packet.is_keyframe
                target.mux(new)


def sample(arguments: list[str], minutes: float) -> Samples:
    """Run a command, and end it after some minutes.

    Args:
        arguments: Words after `faceloom`.
        minutes: When it is ended if it still runs.

    Returns:
        Its time, memory and progress.

    Raises:
        RuntimeError: It failed.
    """
    begin = time.monotonic()
    megabytes: list[float] = []
    command = [sys.executable, "-m", "faceloom", *arguments]
    with (
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=messages,
            env={**os.environ, PROGRESS_FORMAT_VARIABLE: "json"},
        ) as process,
    ):
        program = psutil.Process(process.pid)
        while process.poll() is None and time.monotonic() - begin < 60 * minutes:
            try:
                megabytes.append(program.memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                break
            time.sleep(_SAMPLE_SECONDS)
        is_ended_here = process.poll() is None
        process.terminate()
        code = process.wait()
        messages.seek(0)
        lines = messages.read().decode().splitlines()
    if code and not is_ended_here:
        raise RuntimeError(f"{' '.join(command)} failed: {lines[-1:]}")
    return Samples(time.monotonic() - begin, megabytes, _last_progress(lines))


def _last_progress(lines: list[str]) -> int:
    """Return how many frames the last progress report of standard error counts."""
    reports = (json.loads(line) for line in reversed(lines) if line.startswith("{"))
    return next((report["done"] for report in reports), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--frames", type=int, default=36_000)
    parser.add_argument("--rate", type=int, default=5, help="frames per second")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="time of each command")
    parser.add_argument("--commands", nargs="+", choices=_COMMANDS, default=_COMMANDS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "long.mp4"
        repeat(options.clip, clip, options.frames, options.rate)
        commands = {
            "convert": ("--bundle", options.bundle, "--out", folder / "out.mp4"),
            "extract": ("--out", folder / "faces"),
        }
        print(f"| command | frames | wall time | median MB of each {_PARTS}th of the time | peak |")
        print("|---|---|---|---|---|")
        for command in options.commands:
            words = [command, clip, *commands[command], "--workers", "1"]
            samples = sample([str(word) for word in words], options.minutes)
            tenths = np.array_split(samples.megabytes, _PARTS)
            print(
                f"| `{command}` | {samples.frames:,} | {samples.seconds:.0f} s | "
                f"{', '.join(f'{np.median(tenth):.0f}' for tenth in tenths)} | "
                f"{max(samples.megabytes):.0f} MB |",
                flush=True,
            )


if __name__ == "__main__":
    main()
