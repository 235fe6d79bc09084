"""Write sheets of images: predictions of each decoder, and training examples."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from keras import ops

from faceloom.array_types import Rgb, to_uint8
from faceloom.image_io import write_png
from faceloom_train.augmentation.pipeline import center_crops, make_augmentation
from faceloom_train.data.dataset import TrainingFaces, make_dataset
from faceloom_train.model.inference import swap_faces
from faceloom_train.model.swap_model import SwapModel, mask_background

# Faces of each identity on a sheet.
_ROWS = 6
# Side of an image on a sheet in pixels; small crops are enlarged to it.
_CELL_SIZE = 128


def write_preview(model: SwapModel, faces: Sequence[TrainingFaces], path: Path) -> None:
    """Write predictions of some training faces.

    For each pair of identities A and B, the columns are: A, A reconstructed, A swapped to B; B, B
    reconstructed, B swapped to A.

    Args:
        model: The model.
        faces: The training faces of each identity.
        path: The PNG file.
    """
    pairs = combinations(range(len(faces)), 2)
    write_png(path, np.concatenate([_pair_rows(model, faces, a, b) for a, b in pairs]))


def write_examples(model: SwapModel, faces: Sequence[TrainingFaces], path: Path) -> None:
    """Write some training examples of each identity: the encoder's input, the target, its mask.

    Args:
        model: The model.
        faces: The training faces of each identity.
        path: The PNG file.
    """
    # One example of each step, because a step is degraded as a whole.
    config = model.config.model_copy(update={"batch_size": 1, "micro_batch_size": None})
    batches = [
        {name: value.numpy() for name, value in batch.items()}
        for batch in make_dataset(faces, config, 0, _ROWS)
    ]
    batch = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    by_identity = [
        {name: ops.convert_to_tensor(x[:, index]) for name, x in batch.items()}
        for index in range(len(faces))
    ]
    write_png(path, np.concatenate([_example_columns(model, own) for own in by_identity], axis=1))


def _example_columns(model: SwapModel, batch: dict[str, Any]) -> Rgb:
    # Compiling takes longer than one call.
    augment = make_augmentation(model.crop.size, jit_compile=False)
    target, source, outline = augment(batch)
    if model.config.mask_background:
        source = mask_background(source, outline)
    mask = ops.broadcast_to(target[..., 3:], source.shape)
    return np.concatenate(
        [_column(ops.convert_to_numpy(x)) for x in (source, target[..., :3], mask)], axis=1
    )


def _pair_rows(model: SwapModel, faces: Sequence[TrainingFaces], a: int, b: int) -> Rgb:
    left = _prediction_columns(model, faces[a], a, b)
    right = _prediction_columns(model, faces[b], b, a)
    return np.concatenate([left, right], axis=1)


def _prediction_columns(model: SwapModel, faces: TrainingFaces, own: int, other: int) -> Rgb:
    """Return the columns: faces, reconstructions, swaps to the identity of index `other`."""
    count = len(faces.crops)
    indices = np.linspace(0, count - 1, min(_ROWS, count)).round().astype(int)
    crops = center_crops(faces.crops[indices], model.crop.size)
    rgb, mask = crops[..., :3], crops[..., 3:]
    predictions = [swap_faces(model, rgb, mask, index)[..., :3] for index in (own, other)]
    return np.concatenate([_column(images) for images in (rgb, *predictions)], axis=1)


def _column(images: Float32[np.ndarray, "n s s 3"]) -> UInt8[np.ndarray, "h w 3"]:
    size = (_CELL_SIZE, _CELL_SIZE)
    return np.concatenate(
        [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in to_uint8(images * 255)]
    )
