"""Speed and peak memory of conversion: the tables of docs/benchmarks.md.

python -m benchmarks.convert CLIP BUNDLE [BUNDLE...]

Each precision of each bundle is measured with provider "auto"; memory with the last bundle.
"""

import subprocess
import sys
import tempfile
import threading
import time
from itertools import cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np
import psutil

from faceloom.bench import bench_convert
from faceloom.progress import run_to_completion
from faceloom.swap import Bundle, ConvertOptions
from faceloom.video import read_frames

# Width, height and frames of the clips whose memory is measured; the first two differ in length.
SIZES = ((1920, 1080, 300), (1920, 1080, 900), (3840, 2160, 60))
# Seconds between two readings of a process's memory.
MEMORY_INTERVAL = 0.02


def main(clip: Path, bundles: list[Path]) -> None:
    print_speed(clip, bundles)
    print("\n| clip | frames | peak memory |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for width, height, count in SIZES:
            large = write_resized(clip, Path(folder) / "large.mp4", width, height, count)
            megabytes = peak_memory(large, bundles[-1], Path(folder))
            print(f"| {width}x{height} | {count} | {megabytes:.0f} MB |", flush=True)


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


def peak_memory(clip: Path, bundle: Path, folder: Path) -> float:
    """Return the peak resident memory of the convert command in MB."""
    command = ["-m", "faceloom", "convert", clip, "--bundle", bundle]
    command += ["--out", folder / "out.mp4", "--force"]
    process = subprocess.Popen(
        [sys.executable, *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    readings = [0]

    def watch() -> None:
        while process.poll() is None:
            try:
                readings.append(psutil.Process(process.pid).memory_info().rss)
            except psutil.NoSuchProcess:
                return
            time.sleep(MEMORY_INTERVAL)

    thread = threading.Thread(target=watch)
    thread.start()
    assert process.wait() == 0, "the conversion failed"
    thread.join()
    return max(readings) / 1e6


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
