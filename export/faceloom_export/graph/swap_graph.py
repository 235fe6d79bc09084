"""The trained networks as one function from uint8 faces to uint8 faces and masks."""

import logging
from typing import Any

import keras
import tensorflow as tf

from faceloom.errors import ArtifactRefused, ProviderMissing
from faceloom_export.graph.tensor_names import FACE, MASK, SWAPPED
from faceloom_train.model.model_builder import build_compiled_model, dtype_policy
from faceloom_train.model.networks import Networks
from faceloom_train.model.optimizer import use_averaged_weights
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.runs.checkpoint import find_checkpoint, restore_checkpoint
from faceloom_train.runs.checkpoint_paths import list_checkpoints
from faceloom_train.runs.run_directory import Run

log = logging.getLogger(__name__)


def load_networks(run: Run, which: str) -> tuple[Networks, int]:
    """Load the averaged (EMA) weights of a checkpoint.

    The networks are built in float32 whatever policy trained them: the weights are stored in
    float32, and a bfloat16 graph exports without an error to a file that no runtime can read.

    Args:
        run: The run to load from.
        which: The checkpoint: "last", "best" or a step number (see `find_checkpoint`).

    Returns:
        The networks and the step of the checkpoint.

    Raises:
        ProviderMissing: If the Keras backend is not TensorFlow.
        ArtifactRefused: If there is no such checkpoint or it is damaged.
        UsageError: If `which` is neither "last" nor "best" nor a number.
    """
    if keras.backend.backend() != "tensorflow":
        raise ProviderMissing(
            "Export needs Keras on TensorFlow; unset KERAS_BACKEND and run it again."
        )
    with dtype_policy("float32"):
        model = build_compiled_model(run.settings, run.identities)
    step = _restore(model, run, which)
    use_averaged_weights(model)
    return model.networks, step


def _restore(model: SwapModel, run: Run, which: str) -> int:
    """Restore a checkpoint and return its step; retry if a running training deletes it."""
    while True:
        newest = list_checkpoints(run)[-1:]
        try:
            checkpoint, step = find_checkpoint(run, which, log.warning)
            restore_checkpoint(model, checkpoint)
        except (ArtifactRefused, FileNotFoundError):
            if list_checkpoints(run)[-1:] == newest:
                raise
        else:
            return step


def decoder_index(run: Run, identity: str) -> int:
    """Return the index of the decoder that renders an identity.

    Args:
        run: The run whose networks are exported.
        identity: Name of the identity.

    Raises:
        ArtifactRefused: If the run has no such identity.
    """
    try:
        return run.identities.index(identity)
    except ValueError:
        known = ", ".join(run.identities)
        raise ArtifactRefused(
            f"{run.directory} has no identity {identity!r}; choose one of {known}."
        ) from None


def build_swap_function(networks: Networks, decoder: int, size: int) -> Any:
    """Build the tf.function that is exported.

    Args:
        networks: The trained networks.
        decoder: Index of the decoder that renders the face.
        size: Side of the crops in pixels.

    Returns:
        A tf.function: uint8 RGB [n, size, size, 3] -> {SWAPPED: uint8 RGB of the same shape,
        MASK: uint8 [n, size, size, 1]}.
    """

    @tf.function(input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8, name=FACE)])
    def swap(face: tf.Tensor) -> dict[str, tf.Tensor]:
        prediction = networks.predict(tf.cast(face, tf.float32) / 255.0, decoder)
        levels = tf.cast(tf.round(tf.clip_by_value(prediction, 0.0, 1.0) * 255.0), tf.uint8)
        return {SWAPPED: levels[..., :3], MASK: levels[..., 3:]}

    return swap
