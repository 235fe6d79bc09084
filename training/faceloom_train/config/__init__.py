"""The configuration of a training run: its schema, how it is read and changed, and the presets.

May import `faceloom` and nothing else of `faceloom_train`; not Keras or TensorFlow.
"""

from faceloom_train.config.changeable_settings import list_changeable_settings
from faceloom_train.config.loader import change_config, differences, read_config
from faceloom_train.config.presets import preset_path, presets_directory
from faceloom_train.config.schema import FIXED, TrainConfig

__all__ = [
    "FIXED",
    "TrainConfig",
    "change_config",
    "differences",
    "list_changeable_settings",
    "preset_path",
    "presets_directory",
    "read_config",
]
