"""Extract and convert a long clip and print the memory over the time.

python -m benchmarks.robustness.memory_over_time CLIP BUNDLE [--frames N] [--rate R]

The long clip repeats the packets of CLIP, which starts with a key frame and has no B-frames across
its end, up to N frames of 1/R seconds each. Each command runs with one process; its resident memory
is sampled twice a second. Prints the median of each tenth of the time.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil

# Seconds between two samples of the memory.
_SAMPLE_SECONDS = 0.5
# Parts of the time whose medians are printed.
_PARTS = 10


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


def sample(arguments: list[str]) -> tuple[float, list[float]]:
    """Run a command; return its seconds and its resident memory in MB over the time."""
    begin, megabytes = time.monotonic(), []
    command = [sys.executable, "-m", "faceloom", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        program = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                megabytes.append(program.memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                break
            time.sleep(_SAMPLE_SECONDS)
        assert process.stderr is not None, "it is a pipe"
        messages = process.stderr.read().decode()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {messages[-500:]}")
    return time.monotonic() - begin, megabytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--frames", type=int, default=36_000)
    parser.add_argument("--rate", type=int, default=5, help="frames per second")
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
        for command, arguments in commands.items():
            words = [command, clip, *arguments, "--workers", "1"]
            seconds, megabytes = sample([str(word) for word in words])
            parts = [f"{np.median(part):.0f}" for part in np.array_split(megabytes, _PARTS)]
            print(
                f"| `{command}` | {options.frames:,} | {seconds:.0f} s | {', '.join(parts)} | "
                f"{max(megabytes):.0f} MB |",
                flush=True,
            )


if __name__ == "__main__":
    main()
