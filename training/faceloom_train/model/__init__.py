"""The trained model: networks, losses, optimizer, the training step and inference.

May import `faceloom_train.data`, `faceloom_train.augmentation`, `faceloom_train.config`,
`faceloom_train.backend` and `faceloom_train.keras_compat`.
"""

from faceloom_train.model.inference import swap_faces
from faceloom_train.model.model_builder import build_compiled_model, dtype_policy
from faceloom_train.model.networks import Networks, build_networks, iterate_layers
from faceloom_train.model.optimizer import averaged_weights, use_averaged_weights
from faceloom_train.model.reconstruction_model import mask_background
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.model.train_step import STEP_OUTPUTS, unpack_step_outputs

__all__ = [
    "STEP_OUTPUTS",
    "Networks",
    "SwapModel",
    "averaged_weights",
    "build_compiled_model",
    "build_networks",
    "dtype_policy",
    "iterate_layers",
    "mask_background",
    "swap_faces",
    "unpack_step_outputs",
    "use_averaged_weights",
]
