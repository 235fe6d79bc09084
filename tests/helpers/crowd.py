"""A tiny crowd: drawn people with label pictures, in the files of the real one."""

import json
from pathlib import Path

import cv2
import numpy as np

from faceloom.array_types import float32

SIDE = 96
PICTURES = 3
CONTROLS = ("jaw", "smile", "blinkL", "blinkR")
# Five points of the drawn face in pixels, with the first pixel's center at 0.5.
_POINTS = float32([[36, 42], [60, 42], [48, 54], [40, 66], [56, 66]])
_SKIN, _BODY, _HAIR, _EYES, _CLOTH, _HAND = 1, 2, 3, 4, 9, 10


def write_person(folder: Path, number: int) -> Path:
    """Write one person and return the path of the landmarks."""
    labels = np.zeros((PICTURES, SIDE, SIDE), np.uint8)
    for picture in labels:
        cv2.rectangle(picture, (20, 78), (76, 95), _CLOTH, -1)
        cv2.ellipse(picture, (48, 44), (32, 38), 0, 0, 360, _HAIR, -1)
        cv2.ellipse(picture, (48, 52), (24, 32), 0, 0, 360, _SKIN, -1)
        for x in (36, 60):
            cv2.circle(picture, (x, 42), 3, _EYES, -1)
    # The last picture has a hand over the left half.
    labels[-1, 30:, :30] = _HAND
    colors = np.random.default_rng(number).integers(30, 226, (12, 3)).astype(np.uint8)
    path = folder / f"p{number:03d}.npz"
    cv2.imwrite(str(path.with_suffix(".png")), labels.reshape(-1, SIDE))
    strip = colors[labels].reshape(-1, SIDE, 3)
    cv2.imwrite(str(path.with_suffix(".webp")), strip, (cv2.IMWRITE_WEBP_QUALITY, 101))
    lm68 = np.full((68, 2), 48, np.float32)
    lm68[36:42] = _contour(6, (36, 42), 4, 3)
    lm68[42:48] = _contour(6, (60, 42), 4, 3)
    lm68[48:60] = _contour(12, (48, 66), 10, 6)
    lm68[60:68] = _contour(8, (48, 66), 3, 2)
    np.savez(
        path,
        lm68=np.repeat(lm68[None], PICTURES, 0),
        lm5=np.repeat(_POINTS[None], PICTURES, 0),
        expr=np.linspace(0, 1, PICTURES * 4, dtype=np.float16).reshape(PICTURES, 4),
        gaze=np.zeros((PICTURES, 2), np.float16),
        meta=json.dumps({"size": SIDE, "controls": CONTROLS}),
    )
    return path


def _contour(count: int, center: tuple[int, int], width: float, height: float) -> np.ndarray:
    """Points of an ellipse from its left end over its upper half."""
    angles = np.pi + 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angles) * width, np.sin(angles) * height], 1) + center
