"""Sheets to look at: what each decoder makes of everybody's faces, and what all of them learn from."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from keras import ops

from faceloom.array_types import Rgb, to_levels
from faceloom.image_io import write_png
from faceloom_train.augmentation.pipeline import make_augmentation, middle_of
from faceloom_train.data.dataset import TrainingFaces, make_dataset
from faceloom_train.model.inference import draw_as
from faceloom_train.model.swap_model import SwapModel, hide_background

_ROWS = 6
# Small networks are shown enlarged, so that a person sees more than stamps.
_CELL = 128


def write_preview(model: SwapModel, faces: Sequence[TrainingFaces], path: Path) -> None:
    """Write a PNG: for each pair of identities A, A->A, A->B and B, B->B, B->A, a few faces of each."""
    write_png(
        path,
        np.concatenate([_pair(model, faces, a, b) for a, b in combinations(range(len(faces)), 2)]),
    )


def write_examples(model: SwapModel, faces: Sequence[TrainingFaces], path: Path) -> None:
    """Write a PNG: a few training examples of each identity: what the network sees, what it must draw, the mask."""
    # Of a step each, because poor footage comes in whole steps.
    config = model.config.model_copy(update={"batch_size": 1, "effective_batch_size": None})
    batches = [
        {name: value.numpy() for name, value in batch.items()}
        for batch in make_dataset(faces, config, 0, _ROWS)
    ]
    batch = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    people = [
        {name: ops.convert_to_tensor(x[:, number]) for name, x in batch.items()}
        for number in range(len(faces))
    ]
    write_png(path, np.concatenate([_example_columns(model, own) for own in people], axis=1))


def _example_columns(model: SwapModel, batch: dict[str, Any]) -> Rgb:
    # Once is not worth compiling for.
    augment = make_augmentation(model.crop.size, jit_compile=False)
    wanted, seen, outline = augment(batch)
    if model.config.hide_background:
        seen = hide_background(seen, outline)
    mask = ops.broadcast_to(wanted[..., 3:], seen.shape)
    return np.concatenate(
        [_column(ops.convert_to_numpy(x)) for x in (seen, wanted[..., :3], mask)], axis=1
    )


def _pair(model: SwapModel, faces: Sequence[TrainingFaces], a: int, b: int) -> Rgb:
    left, right = _columns(model, faces[a], a, b), _columns(model, faces[b], b, a)
    return np.concatenate([left, right], axis=1)


def _columns(model: SwapModel, faces: TrainingFaces, own: int, other: int) -> Rgb:
    """Columns: the faces, drawn by their own decoder, drawn by the other's."""
    chosen = np.linspace(0, len(faces.crops) - 1, min(_ROWS, len(faces.crops))).round().astype(int)
    crops = middle_of(faces.crops[chosen], model.crop.size)
    rgb, mask = crops[..., :3], crops[..., 3:]
    drawn = [draw_as(model, rgb, mask, number)[..., :3] for number in (own, other)]
    return np.concatenate([_column(pictures) for pictures in (rgb, *drawn)], axis=1)


def _column(pictures: Float32[np.ndarray, "n s s 3"]) -> UInt8[np.ndarray, "h w 3"]:
    size = (_CELL, _CELL)
    return np.concatenate(
        [cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in to_levels(pictures * 255)]
    )
