"""What putting a face back takes: mask, colors and paste, for a face of 40 % of the picture's height.

python benchmarks/paste.py
"""

import time
from collections.abc import Callable

import numpy as np

from faceloom.array_types import float32
from faceloom.swap.compositing.color_transfer import transfer_color
from faceloom.swap.compositing.mask_refinement import erode_and_feather, smooth_mask
from faceloom.swap.compositing.paste_back import paste
from faceloom.swap.compositing.sharpening import sharpen_to_match

PICTURES = {"1080p": (1920, 1080), "4K": (3840, 2160)}
# The face's share of the picture's height, and of its crop's side.
SHARE, OF_CROP = 0.4, 0.78
RUNS = 40


def main() -> None:
    print(
        "| crop | steady the mask | soften | lab | rct | histogram | sharpen | paste at 1080p | paste at 4K |"
    )
    print("|---" * 9 + "|")
    for size in (128, 256, 384):
        face, target = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)
        mask = oval(size)
        soft = erode_and_feather(mask, 0.03, 0.03)
        times = [least(smooth_mask, mask, {}), least(erode_and_feather, mask, 0.03, 0.03)]
        times += [
            least(transfer_color, how, face, target, mask, {})
            for how in ("lab", "rct", "histogram")
        ]
        times.append(least(sharpen_to_match, face, target, mask, 0.8))
        for width, height in PICTURES.values():
            picture = np.zeros((height, width, 3), np.uint8)
            times.append(least(paste, picture, face, soft, in_the_middle(size, width, height)))
        print(f"| {size} | {' | '.join(f'{ms:.1f}' for ms in times)} |")


def least(work: Callable[..., object], *arguments: object) -> float:
    """Milliseconds of the quickest of RUNS: the machine's other work is none of it."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        work(*arguments)
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def oval(size: int) -> np.ndarray:
    down, across = (np.mgrid[:size, :size] - size / 2) / size
    return np.uint8(255 * ((across / 0.34) ** 2 + (down / 0.42) ** 2 < 1))


def in_the_middle(size: int, width: int, height: int) -> np.ndarray:
    """The map from the picture to the crop of a head that is tilted a little."""
    scale, tilt = size * OF_CROP / (SHARE * height), 0.1
    turn = scale * float32([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    return np.concatenate([turn, size / 2 - turn @ float32([[width / 2], [height / 2]])], 1)


if __name__ == "__main__":
    main()
