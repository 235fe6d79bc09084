"""Time of blending a face: mask, colors, sharpening and paste.

python -m benchmarks.conversion.paste

The face has 40 % of the picture's height.
"""

import time
from collections.abc import Callable

import numpy as np

from faceloom.array_types import float32
from faceloom.swap.compositing.color_transfer import measure_colors
from faceloom.swap.compositing.mask_refinement import erode_and_feather, smooth_mask
from faceloom.swap.compositing.paste_back import paste
from faceloom.swap.compositing.sharpening import sharpen_to_match

# Width and height of the pictures.
PICTURES = {"1080p": (1920, 1080), "4K": (3840, 2160)}
# Height of the face as a share of the picture's height.
FACE_IN_PICTURE = 0.4
# Height of the face as a share of its crop's side.
FACE_IN_CROP = 0.78
# Repetitions of each measurement.
RUNS = 40


def main() -> None:
    print(
        "| crop | smooth the mask | erode and feather | lab | rct | histogram | sharpen "
        "| paste at 1080p | paste at 4K |"
    )
    print("|---" * 9 + "|")
    for size in (128, 256, 384):
        face, target = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)
        mask = oval(size)
        soft = erode_and_feather(mask, 0.03, 0.03)
        times = [
            shortest_ms(smooth_mask, mask, "mask", {}),
            shortest_ms(erode_and_feather, mask, 0.03, 0.03),
        ]
        times += [
            shortest_ms(lambda: measure_colors(method, face, target, mask, {})())  # noqa: B023
            for method in ("lab", "rct", "histogram")
        ]
        times.append(shortest_ms(sharpen_to_match, face, target, mask, 0.8))
        for width, height in PICTURES.values():
            picture = np.zeros((height, width, 3), np.uint8)
            frame_to_crop = centered_face(size, width, height)
            times.append(shortest_ms(paste, picture, face, soft, frame_to_crop))
        print(f"| {size} | {' | '.join(f'{ms:.1f}' for ms in times)} |")


def shortest_ms(work: Callable[..., object], *arguments: object) -> float:
    """Return the shortest of RUNS times in milliseconds, the least affected by other load."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        work(*arguments)
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def oval(size: int) -> np.ndarray:
    """Return a mask with a filled oval."""
    down, across = (np.mgrid[:size, :size] - size / 2) / size
    return np.uint8(255 * ((across / 0.34) ** 2 + (down / 0.42) ** 2 < 1))


def centered_face(size: int, width: int, height: int) -> np.ndarray:
    """Return the map from a picture to the crop of a slightly tilted head in its center."""
    scale, tilt = size * FACE_IN_CROP / (FACE_IN_PICTURE * height), 0.1
    linear = scale * float32([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    return np.concatenate([linear, size / 2 - linear @ float32([[width / 2], [height / 2]])], 1)


if __name__ == "__main__":
    main()
