"""Augmentation of crops: its random parameters, and the operations that a batch goes through.

May import `faceloom_train.config` and `faceloom_train.backend`. The operations run on the
accelerator, on either backend; the parameters are sampled with TensorFlow, in the data pipeline.
"""

from faceloom_train.augmentation.geometry import MARGIN
from faceloom_train.augmentation.parameters import augmentation_shapes, sample_augmentation
from faceloom_train.augmentation.pipeline import center_crops, make_augmentation, pixel_coordinates
from faceloom_train.augmentation.resampling import resize_bilinear, sample_bilinear

__all__ = [
    "MARGIN",
    "augmentation_shapes",
    "center_crops",
    "make_augmentation",
    "pixel_coordinates",
    "resize_bilinear",
    "sample_augmentation",
    "sample_bilinear",
]
