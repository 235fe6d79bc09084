"""Speed and peak memory of conversion: the tables of docs/benchmarks.md.

python -m benchmarks.conversion.convert CLIP BUNDLE [BUNDLE...]

Each precision of each bundle is measured with provider "auto"; the whole command with the last
bundle. Its floor is FFmpeg, run as a program, that transcodes the same clip with the same options
of the encoder. Cores are limited with taskset.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np
import psutil

from faceloom.bench import bench_convert
from faceloom.hardware import available_cores
from faceloom.progress import run_to_completion
from faceloom.swap import Bundle, ConvertOptions
from faceloom.swap.pipeline.target import Target
from faceloom.video import read_frames
from faceloom.video.encoding.encoder_options import frame_threads
from faceloom.video.encoding.encoders import resolve_encoder

# Width, height and frames of the clips that the floor is measured with, and numbers of cores.
FLOOR_SIZES = ((640, 360, 120), (1280, 720, 120), (1920, 1080, 120))
CORES = (1, 2)
# The same of the clips whose memory is measured; the first two differ in length.
MEMORY_SIZES = ((1920, 1080, 300), (1920, 1080, 900), (3840, 2160, 60))
# Seconds between two readings of a process's memory.
MEMORY_INTERVAL = 0.02


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command used."""

    wall: float
    """Seconds."""
    processor: float
    """Seconds of all cores, as user and as system."""
    megabytes: float
    """Peak resident memory."""


def main(clip: Path, bundles: list[Path]) -> None:
    print_speed(clip, bundles)
    with tempfile.TemporaryDirectory() as folder:
        print_floor(clip, bundles[-1], Path(folder))
        print("\n| clip | frames | peak memory |\n|---|---|---|")
        for width, height, count in MEMORY_SIZES:
            large = write_resized(clip, Path(folder) / "large.mp4", width, height, count)
            used = run(convert_command(large, bundles[-1], Path(folder)))
            print(f"| {width}x{height} | {count} | {used.megabytes:.0f} MB |", flush=True)


def print_speed(clip: Path, bundles: list[Path]) -> None:
    print(
        "| bundle | decode | analyze | predict | blend | encode | total, ms per frame | frames/s "
        "| total / slowest stage |"
    )
    print("|---" * 9 + "|")
    for path in bundles:
        for graph in Bundle.read(path).manifest.graphs:
            options = ConvertOptions(provider="auto", precision=graph.precision)
            result = run_to_completion(bench_convert(clip, path, options))
            stages = " | ".join(f"{ms:.1f}" for ms in result.stages.values())
            print(
                f"| {path.name} {graph.precision}, {result.provider} | {stages} "
                f"| {result.total_ms:.1f} | {1000 / result.total_ms:.1f} "
                f"| {result.ratio_to_slowest:.2f} |",
                flush=True,
            )


def write_resized(clip: Path, path: Path, width: int, height: int, count: int) -> Path:
    """Write a clip of the given size: the frames of another, fitted in and repeated."""
    pictures = [frame.rgb for frame in read_frames(clip, stop=100)]
    scale = min(width / pictures[0].shape[1], height / pictures[0].shape[0])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in islice(cycle([*pictures, *pictures[::-1]]), count):
            fitted = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
            canvas = np.full((height, width, 3), 90, np.uint8)
            canvas[: fitted.shape[0], : fitted.shape[1]] = fitted
            container.mux(stream.encode(av.VideoFrame.from_ndarray(canvas, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def print_floor(clip: Path, bundle: Path, folder: Path) -> None:
    """Print the whole command beside FFmpeg that transcodes the same clip."""
    print(
        "\n| clip | cores | convert: wall, processor, ms a frame | peak memory "
        "| FFmpeg: wall, processor, ms a frame | peak memory | ratio: wall, processor |"
    )
    print("|---" * 7 + "|")
    for width, height, count in FLOOR_SIZES:
        source = write_resized(clip, folder / f"{height}.mp4", width, height, count)
        for cores in CORES:
            limit = limit_cores(cores)
            swap = run([*limit, *convert_command(source, bundle, folder)])
            floor = run([*limit, *floor_command(source, folder / "floor.mp4")])
            print(
                f"| {width}x{height} | {cores} "
                f"| {1000 * swap.wall / count:.1f}, {1000 * swap.processor / count:.1f} "
                f"| {swap.megabytes:.0f} MB "
                f"| {1000 * floor.wall / count:.1f}, {1000 * floor.processor / count:.1f} "
                f"| {floor.megabytes:.0f} MB "
                f"| {swap.wall / floor.wall:.1f}, {swap.processor / floor.processor:.1f} |",
                flush=True,
            )


def limit_cores(count: int) -> list[str]:
    """Return the start of a command that runs on the first cores that this process may use."""
    assert count <= available_cores(), f"{count} cores are needed"
    allowed = sorted(os.sched_getaffinity(0))[:count]
    return ["taskset", "-c", ",".join(map(str, allowed))]


def convert_command(clip: Path, bundle: Path, folder: Path) -> list[str]:
    command = ["-m", "faceloom", "convert", clip, "--bundle", bundle]
    return [sys.executable, *map(str, [*command, "--out", folder / "out.mp4", "--force"])]


def floor_command(clip: Path, out: Path) -> list[str]:
    """Return the command that transcodes a clip as `convert` encodes it."""
    target = Target.open(clip, out.with_name("unused.mp4"), ConvertOptions())
    config = resolve_encoder(target.info, target.encoding)
    options = [text for key, value in config.options.items() for text in (f"-{key}", value)]
    threads = ["-threads", str(frame_threads(target.info)), "-pix_fmt", config.pixel_format]
    encoder = ["-c:v", config.codec, *options, *threads]
    return ["ffmpeg", "-y", "-i", str(clip), "-map", "0:v:0", *encoder, str(out)]


def run(command: Sequence[str]) -> Usage:
    """Run a command and measure it."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # The kernel's own peak would include this process's at the time of the fork.
    readings, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(MEMORY_INTERVAL):
            with suppress(psutil.NoSuchProcess):
                readings.append(psutil.Process(process.pid).memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    ended.set()
    thread.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command} failed"
    return Usage(wall, used.ru_utime + used.ru_stime, max(readings) / 1e6)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
