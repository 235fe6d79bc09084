"""Write corrections of face sets as the editor does."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from faceloom.array_types import Mask
from faceloom.faceset.corrections.correction_files import (
    CorrectionOrigin,
    LandmarkCorrection,
    landmarks_path,
    mask_path,
)
from faceloom.faceset.corrections.edit_history import EditHistory
from faceloom.faceset.corrections.painted_masks import encode_mask


def offsets_of(moves: Mapping[int, tuple[float, float]]) -> np.ndarray:
    """Return the offsets of all landmarks: those of `moves` by index, 0 for the others."""
    offsets = np.zeros((468, 2), np.float32)
    for index, move in moves.items():
        offsets[index] = move
    return offsets


def shift_all(x: float, y: float) -> np.ndarray:
    """Return offsets that move all landmarks by the same amount."""
    return np.tile(np.float32([x, y]), (468, 1))


def move(
    directory: Path, image: str, offsets: np.ndarray, origin: CorrectionOrigin = "edited"
) -> None:
    """Move landmarks of a face."""
    correction = LandmarkCorrection.of(offsets, origin)
    EditHistory(directory).write({landmarks_path(directory, image): correction.to_bytes()})


def paint(directory: Path, image: str, mask: Mask) -> None:
    """Paint the mask of a face."""
    EditHistory(directory).write({mask_path(directory, image): encode_mask(mask)})


def left_half(size: int) -> Mask:
    """Return a mask in which the left half is visible."""
    mask = np.zeros((size, size), np.uint8)
    mask[:, : size // 2] = 255
    return mask
