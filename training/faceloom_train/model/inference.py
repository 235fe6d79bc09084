"""Run the networks on faces, without training."""

import numpy as np
from jaxtyping import Float32
from keras import ops

from faceloom.array_types import float32
from faceloom_train.model.reconstruction_model import mask_background
from faceloom_train.model.swap_model import SwapModel


def swap_faces(
    model: SwapModel,
    rgb: Float32[np.ndarray, "n s s 3"],
    mask: Float32[np.ndarray, "n s s 1"],
    identity: int,
) -> Float32[np.ndarray, "n s s 4"]:
    """Predict faces with the decoder of an identity, as conversion does.

    Args:
        model: The model.
        rgb: Crops, 0 to 1.
        mask: Their face masks, 0 to 1, as the run's `face_mask` says.
        identity: Index of the decoder.

    Returns:
        RGB and mask, about 0 to 1.
    """
    inputs = mask_background(rgb, mask) if model.config.mask_background else rgb
    return float32(ops.convert_to_numpy(model.networks.predict(inputs, identity)))
