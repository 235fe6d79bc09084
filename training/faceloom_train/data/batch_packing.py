"""Pack a batch into two arrays: each array sent to an accelerator has a cost, however small."""

import math
from typing import Any, TypeAlias

import tensorflow as tf
from keras import ops

from faceloom.faces.landmarks import EXPRESSION_LANDMARKS, MESH_POINTS
from faceloom_train.augmentation.parameters import augmentation_shapes
from faceloom_train.config.schema import TrainConfig

# The shape for one face of each float32 array of a batch, in the order in which they are packed.
BatchLayout: TypeAlias = dict[str, tuple[int, ...]]

# Names of the two arrays: uint8 crops, and all float32 numbers.
_CROPS = "crops"
_NUMBERS = "numbers"
# Packed batches that are kept ready.
_PREFETCH = 2


def batch_layout(config: TrainConfig) -> BatchLayout:
    """Return how the batches of a configuration are packed.

    Args:
        config: The configuration.
    """
    moved = {"displacements": (MESH_POINTS, 4)} if config.loss.displacement else {}
    return {
        "landmarks": (len(EXPRESSION_LANDMARKS), 2),
        **moved,
        **augmentation_shapes(config.augmentation),
    }


def pack_batches(batches: tf.data.Dataset, layout: BatchLayout) -> tf.data.Dataset:
    """Concatenate all float32 arrays of each batch into one.

    Args:
        batches: Batches of `make_dataset`.
        layout: Layout of their configuration, from `batch_layout`.

    Returns:
        Packed batches, prefetched.
    """

    def pack(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        leading = batch[_CROPS].shape[:2]
        flat = [
            tf.reshape(batch[name], (*leading, math.prod(shape))) for name, shape in layout.items()
        ]
        return {_CROPS: batch[_CROPS], _NUMBERS: tf.concat(flat, axis=-1)}

    return batches.map(pack).prefetch(_PREFETCH)


def unpack_batch(batch: dict[str, Any], layout: BatchLayout) -> dict[str, Any]:
    """Restore the arrays of a packed batch.

    Args:
        batch: A batch of `pack_batches`.
        layout: The layout that it was packed with.
    """
    numbers, arrays, start = batch[_NUMBERS], {_CROPS: batch[_CROPS]}, 0
    for name, shape in layout.items():
        stop = start + math.prod(shape)
        arrays[name] = ops.reshape(numbers[..., start:stop], (*numbers.shape[:2], *shape))
        start = stop
    return arrays
