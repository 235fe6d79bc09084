"""The mean face that an identity's decoder starts from."""

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.faces.mask import disk
from faceloom_train.augmentation.geometry import MARGIN
from faceloom_train.augmentation.pipeline import pixel_coordinates
from faceloom_train.data.dataset import HIDDEN_RIM, TrainingFaces

# Side of the grid on which the displacement of a mesh is interpolated.
_GRID = 64
# Standard deviation of a landmark's influence, as a fraction of the crop's side.
_INFLUENCE = 0.02
# Share of the faces that must show a pixel; what it lacks is filled with the skin around. A pixel
# at the hairline that only a few faces show would have the color of hair.
_MIN_SHOWN = 0.4
# Standard deviation of the blur that continues the skin, as a fraction of the crop's side.
_CONTINUED = 0.08
# Weight of the mean color of the skin, relative to the skin around.
_MEAN_SKIN = 1e-3
# Added to a sum of weights, against division by zero.
_EPSILON = 1e-9


def compute_mean_face(faces: TrainingFaces, size: int) -> Float32[np.ndarray, "s s 4"]:
    """Average an identity's faces after warping each to the median mesh.

    Only the half of the faces closest to the median mesh is used: warping a profile would invent
    the side that it does not show. What hides a face does not count; where most faces are hidden,
    the visible skin around is continued.

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
    sums = np.zeros((size, size, 9), np.float32)
    for crop, mesh in zip(faces.crops[closest], faces.meshes[closest], strict=True):
        shift = cv2.resize((weights @ (mesh - median)).reshape(_GRID, _GRID, 2), (size, size))
        x, y = np.moveaxis(((coordinates + shift) / MARGIN + 0.5) * side - 0.5, -1, 0)
        # OpenCV warps at most four channels at once.
        rgb, masks = (
            cv2.remap(
                np.ascontiguousarray(part), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
            )
            for part in (crop[..., :3], crop[..., 3:])
        )
        sums += _weigh(float32(np.dstack([rgb, masks])) / 255)
    return _average(sums, len(closest))


def _weigh(face: Float32[np.ndarray, "s s c"]) -> Float32[np.ndarray, "s s 9"]:
    """Return RGB times weight, and weight, for what is not hidden and for skin; then the mask."""
    rgb, mask, outline = face[..., :3], face[..., 3:4], face[..., -1:]
    hidden = cv2.dilate(np.maximum(outline - mask, 0), disk(HIDDEN_RIM * len(face)))[..., None]
    shown = 1 - hidden
    skin = np.minimum(mask, shown)
    return np.concatenate([rgb * shown, shown, rgb * skin, skin, mask], -1)


def _average(sums: Float32[np.ndarray, "s s 9"], count: int) -> Float32[np.ndarray, "s s 4"]:
    """Return RGB and mask of the mean of `count` faces, given the sum of what `_weigh` returns."""
    rgb, shown, skin, mask = np.split(sums, (3, 4, 8), -1)
    lacking = np.maximum(_MIN_SHOWN * count - shown, 0)
    if lacking.any():
        sigma = _CONTINUED * len(sums)
        spread = cv2.GaussianBlur(skin, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        # Far from all visible skin, its mean color.
        spread = spread + _MEAN_SKIN * skin.mean((0, 1)) + _EPSILON
        rgb = rgb + lacking * spread[..., :3] / spread[..., 3:]
    return np.concatenate([rgb / (shown + lacking), mask / count], -1)


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
