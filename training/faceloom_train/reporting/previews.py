"""Write sheets of images: predictions of each decoder, and training examples."""

from collections.abc import Sequence
from itertools import combinations, zip_longest
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float32, UInt8
from keras import ops

from faceloom.array_types import Rgb, to_uint8
from faceloom.image_io import write_png
from faceloom.swap.preview.contact_sheet import Cell, draw_sheet
from faceloom_train.augmentation.pipeline import center_crops, make_augmentation
from faceloom_train.data.dataset import TrainingFaces, make_dataset
from faceloom_train.model.inference import swap_faces
from faceloom_train.model.reconstruction_model import mask_background
from faceloom_train.model.swap_model import SwapModel

# Faces of each identity on a sheet for which the settings name none.
_ROWS = 6
# Faces that are predicted at once, so that many named faces need no more memory.
_PREDICTED_AT_ONCE = 6
# Side of an image on a sheet in pixels: wide enough for a label of 20 letters.
_CELL_SIZE = 160
# Labels of training examples.
_EXAMPLE_LABELS = ("input", "training face", "mask")
# A label and the images below each other, RGB from 0 to 1.
_Column: TypeAlias = tuple[str, Float32[np.ndarray, "n s s 3"]]


def write_preview(model: SwapModel, faces: Sequence[TrainingFaces], path: Path) -> None:
    """Write predictions of some training faces.

    For each pair of identities A and B, the labeled columns are: A, A reconstructed, A with the
    face of B; B, B reconstructed, B with the face of A. An identity with few faces has few rows.
    The setting `preview_faces` chooses the faces. With `face_mask: regions` the predictions
    are pasted where both faces are visible.

    Args:
        model: The model.
        faces: The training faces of each identity.
        path: The PNG file.
    """
    pairs = combinations(range(len(faces)), 2)
    write_png(path, np.concatenate([_pair_sheet(model, faces, a, b) for a, b in pairs]))


def write_examples(model: SwapModel, faces: Sequence[TrainingFaces], path: Path) -> None:
    """Write some training examples of each identity: the encoder's input, the training
    face that its decoder has to give, and the face's mask.

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
    columns = [
        (f"{own.identity}: {label}", images)
        for own, batch in zip(faces, by_identity, strict=True)
        for label, images in zip(_EXAMPLE_LABELS, _examples(model, batch), strict=True)
    ]
    write_png(path, _draw_columns(columns))


def _examples(model: SwapModel, batch: dict[str, Any]) -> list[Float32[np.ndarray, "n s s 3"]]:
    # Compiling takes longer than one call.
    augment = make_augmentation(model.crop.size, jit_compile=False)
    target, source, face_mask = augment(batch)
    if model.config.mask_background:
        source = mask_background(source, face_mask)
    mask = ops.broadcast_to(target[..., 3:4], source.shape)
    return [ops.convert_to_numpy(x) for x in (source, target[..., :3], mask)]


def _pair_sheet(model: SwapModel, faces: Sequence[TrainingFaces], a: int, b: int) -> Rgb:
    columns = [
        *_prediction_columns(model, faces, a, b),
        *_prediction_columns(model, faces, b, a),
    ]
    return _draw_columns(columns)


def _prediction_columns(
    model: SwapModel, identities: Sequence[TrainingFaces], own: int, other: int
) -> list[_Column]:
    """Return the columns: faces, reconstructions, swaps to the identity of index `other`."""
    faces = identities[own]
    crops = center_crops(_shown_crops(faces), model.crop.size)
    rgb, mask = crops[..., :3], crops[..., 3:4]
    starts = range(0, len(rgb), _PREDICTED_AT_ONCE)
    parts = [slice(start, start + _PREDICTED_AT_ONCE) for start in starts]
    predictions = [
        np.concatenate([swap_faces(model, rgb[part], mask[part], index) for part in parts])
        for index in (own, other)
    ]
    if model.config.face_mask == "regions":
        pictures = [_paste(prediction, rgb, mask) for prediction in predictions]
    else:
        pictures = [prediction[..., :3] for prediction in predictions]
    name = faces.identity
    labels = (name, f"{name} reconstructed", f"{name} with {identities[other].identity}'s face")
    return list(zip(labels, (rgb, *pictures), strict=True))


def _shown_crops(faces: TrainingFaces) -> UInt8[np.ndarray, "n m m c"]:
    """Return the crops that the settings name, or evenly spread ones."""
    if faces.preview_crops is not None:
        return faces.preview_crops
    count = len(faces.crops)
    return faces.crops[np.linspace(0, count - 1, min(_ROWS, count)).round().astype(int)]


def _paste(
    prediction: Float32[np.ndarray, "n s s 4"],
    rgb: Float32[np.ndarray, "n s s 3"],
    mask: Float32[np.ndarray, "n s s 1"],
) -> Float32[np.ndarray, "n s s 3"]:
    """Paste predictions where both faces are visible; nothing is learned of other pixels."""
    weight = np.minimum(np.clip(prediction[..., 3:], 0, 1), mask)
    return prediction[..., :3] * weight + rgb * (1 - weight)


def _draw_columns(columns: Sequence[_Column]) -> Rgb:
    """Draw columns of any lengths side by side, each image with its column's label."""
    cells = [[Cell(to_uint8(image * 255), label) for image in images] for label, images in columns]
    empty = Cell(np.zeros((1, 1, 3), np.uint8), "")
    return draw_sheet(list(zip_longest(*cells, fillvalue=empty)), _CELL_SIZE)
