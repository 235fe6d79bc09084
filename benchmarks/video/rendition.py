"""Cost of reading HDR and wide-gamut frames as SDR, relative to SDR frames of 10 bits.

python -m benchmarks.video.rendition

Both are measured in turns, and medians are compared: other work changes the ratio less than the
times.
"""

import statistics
import time

import av
import numpy as np

from faceloom.video.info import ColorTags
from faceloom.video.pixel_format import from_rgb, to_rgb

# Width and height of the frames.
SIZES = {"480p": (640, 480), "1080p": (1920, 1080), "4K": (3840, 2160)}
# Primaries, transfer characteristics and matrix of ITU-T H.273, and FFmpeg's limited range.
TAGS = {
    "SDR": ColorTags(1, 1, 1, 1),
    "PQ": ColorTags(9, 16, 9, 1),
    "HLG": ColorTags(9, 18, 9, 1),
    "SDR with BT.2020": ColorTags(9, 14, 9, 1),
}
# Repetitions of each measurement.
RUNS = 15


def main() -> None:
    print(f"| frame | {' | '.join(f'{name}, ms' for name in TAGS)} | PQ / SDR |")
    print("|---" * (len(TAGS) + 2) + "|")
    for size, (width, height) in SIZES.items():
        frames = {name: _frame(width, height, tags) for name, tags in TAGS.items()}
        times: dict[str, list[float]] = {name: [] for name in TAGS}
        for _ in range(RUNS):
            for name, frame in frames.items():
                started = time.perf_counter()
                to_rgb(frame)
                times[name].append(1000 * (time.perf_counter() - started))
        medians = {name: statistics.median(values) for name, values in times.items()}
        cells = " | ".join(f"{ms:.1f}" for ms in medians.values())
        print(f"| {size} | {cells} | {medians['PQ'] / medians['SDR']:.1f} |")


def _frame(width: int, height: int, tags: ColorTags) -> av.VideoFrame:
    rows, columns = np.mgrid[:height, :width] / height
    waves = [np.sin(9 * rows * (n + 1) + 7 * columns * (3 - n)) for n in range(3)]
    frame = from_rgb((127 + 50 * np.stack(waves, -1)).astype(np.uint8), "yuv420p10le", tags)
    frame.colorspace, frame.color_range = tags.matrix, tags.range
    frame.color_primaries, frame.color_trc = tags.primaries, tags.transfer
    return frame


if __name__ == "__main__":
    main()
