"""The mean face that an identity's decoder starts from."""

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom_train.augmentation.geometry import MARGIN
from faceloom_train.augmentation.pipeline import pixel_coordinates
from faceloom_train.data.dataset import TrainingFaces

# Side of the grid on which the displacement of a mesh is interpolated.
_GRID = 64
# Standard deviation of a landmark's influence, as a fraction of the crop's side.
_INFLUENCE = 0.02


def compute_mean_face(faces: TrainingFaces, size: int) -> Float32[np.ndarray, "s s 4"]:
    """Average an identity's faces after warping each to the median mesh.

    Only the half of the faces closest to the median mesh is used: warping a profile would invent
    the side that it does not show.

    Args:
        faces: The identity's faces.
        size: Side of the mean face in pixels.

    Returns:
        RGB and mask, 0 to 1.
    """
    median = np.median(faces.meshes, axis=0)
    distances = np.linalg.norm(faces.meshes - median, axis=-1).mean(-1)
    closest = np.argsort(distances, kind="stable")[: max(1, len(distances) // 2)]
    weights, coordinates = _landmark_weights(median), _pixel_grid(size)
    side = faces.crops.shape[1]
    total = np.zeros((size, size, 4), np.float32)
    for crop, mesh in zip(faces.crops[closest], faces.meshes[closest], strict=True):
        shift = cv2.resize((weights @ (mesh - median)).reshape(_GRID, _GRID, 2), (size, size))
        x, y = np.moveaxis(((coordinates + shift) / MARGIN + 0.5) * side - 0.5, -1, 0)
        total += cv2.remap(crop, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return total / (255 * len(closest))


def _landmark_weights(mesh: Float32[np.ndarray, "k 2"]) -> Float32[np.ndarray, "g k"]:
    """Weight of each landmark at each position of the grid: a softmax over negative distances."""
    positions = _pixel_grid(_GRID).reshape(-1, 1, 2)
    closeness = -(np.linalg.norm(positions - mesh, axis=-1) ** 2) / (2 * _INFLUENCE**2)
    weights = np.exp(closeness - closeness.max(-1, keepdims=True))
    return float32(weights / weights.sum(-1, keepdims=True))


def _pixel_grid(size: int) -> Float32[np.ndarray, "s s 2"]:
    """Coordinates x, y of the pixels of a crop, in crop sides from its center."""
    x, y = pixel_coordinates(size)
    return np.stack(np.broadcast_arrays(x[0], y[0]), -1)
