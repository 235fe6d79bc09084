"""How fast a conversion is, and what memory it takes: the tables of the README.

python benchmarks/convert.py CLIP BUNDLE [BUNDLE...]   (each precision, provider "auto"; memory: the last one)
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

# Width, height and frames of the clips whose memory is measured; the first two differ in length alone.
SIZES = ((1920, 1080, 300), (1920, 1080, 900), (3840, 2160, 60))


def main(clip: Path, bundles: list[Path]) -> None:
    print(
        "| bundle | decode | analyze | predict | blend | encode | whole command, ms/frame | frames/s | whole command / slowest stage |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for path in bundles:
        for graph in Bundle.read(path).manifest.graphs:
            made = run_to_completion(
                bench_convert(
                    clip, path, ConvertOptions(provider="auto", precision=graph.precision)
                )
            )
            stages = " | ".join(f"{ms:.1f}" for ms in made.stages.values())
            rate, against = f"{1000 / made.total_ms:.1f}", f"{made.ratio_to_slowest:.2f}"
            ran = f"{graph.precision}, {made.provider}"
            print(
                f"| {path.name} {ran} | {stages} | {made.total_ms:.1f} | {rate} | {against} |",
                flush=True,
            )
    print("\n| clip | frames | peak memory |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for width, height, count in SIZES:
            large = enlarge(clip, Path(folder) / "large.mp4", width, height, count)
            print(
                f"| {width}x{height} | {count} | {peak_memory(large, bundles[-1], Path(folder)):.0f} MB |",
                flush=True,
            )


def enlarge(clip: Path, path: Path, width: int, height: int, count: int) -> Path:
    """Write a clip of the given size: the frames of another, fitted in, over and over."""
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
    """Return the greatest resident memory of the whole command, in MB."""
    typed = [
        "-m",
        "faceloom",
        "convert",
        str(clip),
        "--bundle",
        str(bundle),
        "--out",
        str(folder / "out.mp4"),
        "--force",
    ]
    process = subprocess.Popen(
        [sys.executable, *typed], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    seen = [0]

    def watch() -> None:
        while process.poll() is None:
            try:
                seen.append(psutil.Process(process.pid).memory_info().rss)
            except psutil.NoSuchProcess:
                return
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    assert process.wait() == 0, "the conversion failed"
    thread.join()
    return max(seen) / 1e6


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
