"""Training data: face sets in memory, sampled batches, validation faces and mean faces.

May import `faceloom_train.augmentation`, `faceloom_train.config` and `faceloom_train.backend`, and
the face sets and the compositing of `faceloom`.
"""

from faceloom_train.data.batch_packing import BatchLayout, batch_layout, pack_batches, unpack_batch
from faceloom_train.data.dataset import TrainingFaces, load_faces, make_dataset, network_crop
from faceloom_train.data.holdout import ValidationFace, load_validation_faces, stack_crops
from faceloom_train.data.mean_face import compute_mean_face

__all__ = [
    "BatchLayout",
    "TrainingFaces",
    "ValidationFace",
    "batch_layout",
    "compute_mean_face",
    "load_faces",
    "load_validation_faces",
    "make_dataset",
    "network_crop",
    "pack_batches",
    "stack_crops",
    "unpack_batch",
]
