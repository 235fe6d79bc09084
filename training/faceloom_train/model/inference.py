"""What the networks make of faces when nothing is learned from them."""

import numpy as np
from jaxtyping import Float32
from keras import ops

from faceloom.array_types import float32
from faceloom_train.model.swap_model import SwapModel, mask_background


def draw_as(
    model: SwapModel,
    rgb: Float32[np.ndarray, "n s s 3"],
    mask: Float32[np.ndarray, "n s s 1"],
    decoder: int,
) -> Float32[np.ndarray, "n s s 4"]:
    """Draw faces (0..1) as identity number `decoder`, seeing of them what conversion lets be seen: RGB and mask."""
    seen = mask_background(rgb, mask) if model.config.mask_background else rgb
    return float32(ops.convert_to_numpy(model.networks.decode(seen, decoder)))
