"""A batch in two arrays on its way to the accelerator: each array that is sent there takes its time, however small."""

import math
from typing import Any, TypeAlias

import tensorflow as tf
from keras import ops

# The shape of each array for one face, in the order in which they lie.
Layout: TypeAlias = dict[str, tuple[int, ...]]

_CROPS, _NUMBERS = "crops", "numbers"


def packed(batches: tf.data.Dataset) -> tuple[tf.data.Dataset, Layout]:
    """Return the batches of `make_dataset` with all their float32 arrays [b, i, ...] in one, and how they lie in it."""
    layout = {
        name: tuple(spec.shape[2:]) for name, spec in batches.element_spec.items() if name != _CROPS
    }

    def pack(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        leading = batch[_CROPS].shape[:2]
        flat = [
            tf.reshape(batch[name], (*leading, math.prod(shape))) for name, shape in layout.items()
        ]
        return {_CROPS: batch[_CROPS], _NUMBERS: tf.concat(flat, axis=-1)}

    return batches.map(pack).prefetch(2), layout


def unpacked(batch: dict[str, Any], layout: Layout) -> dict[str, Any]:
    """Return a batch as it was before it was packed."""
    numbers, found, begin = batch[_NUMBERS], {_CROPS: batch[_CROPS]}, 0
    for name, shape in layout.items():
        end = begin + math.prod(shape)
        found[name] = ops.reshape(numbers[..., begin:end], (*numbers.shape[:2], *shape))
        begin = end
    return found
