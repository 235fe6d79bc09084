"""What a person's template begins as."""

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom_train.augmentation.geometry import MARGIN
from faceloom_train.augmentation.pipeline import pixel_places
from faceloom_train.data.dataset import TrainingFaces

# The side of the grid that a mesh is spread over, and how far a point of it reaches, in shares of the crop's side.
_GRID, _REACH = 64, 0.02


def first_template(faces: TrainingFaces, size: int) -> Float32[np.ndarray, "s s 4"]:
    """Return the mean of an identity's faces, RGB and mask, 0..1, each brought to the form of the median mesh first.

    Only the half of them that are nearest to it: of a face in profile one side would be drawn out of nothing.
    """
    form = np.median(faces.meshes, axis=0)
    distances = np.linalg.norm(faces.meshes - form, axis=-1).mean(-1)
    nearest = np.argsort(distances, kind="stable")[: max(1, len(distances) // 2)]
    shares, places, side = _shares_of_points(form), _places(size), faces.crops.shape[1]
    total = np.zeros((size, size, 4), np.float32)
    for crop, mesh in zip(faces.crops[nearest], faces.meshes[nearest], strict=True):
        moved = cv2.resize((shares @ (mesh - form)).reshape(_GRID, _GRID, 2), (size, size))
        x, y = np.moveaxis(((places + moved) / MARGIN + 0.5) * side - 0.5, -1, 0)
        total += cv2.remap(crop, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return total / (255 * len(nearest))


def _shares_of_points(form: Float32[np.ndarray, "k 2"]) -> Float32[np.ndarray, "g k"]:
    """How much each point, in crop sides, says of each place of a grid: the nearest most, all of them 1 together."""
    places = _places(_GRID).reshape(-1, 1, 2)
    closeness = -(np.linalg.norm(places - form, axis=-1) ** 2) / (2 * _REACH**2)
    shares = np.exp(closeness - closeness.max(-1, keepdims=True))
    return float32(shares / shares.sum(-1, keepdims=True))


def _places(size: int) -> Float32[np.ndarray, "s s 2"]:
    """Where pixels are, x and y in crop sides from the crop's middle."""
    x, y = pixel_places(size)
    return np.stack(np.broadcast_arrays(x[0], y[0]), -1)
