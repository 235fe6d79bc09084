"""The mean face mask of a run, which masks the background where no landmarks are known."""

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.face_crop import align_mesh
from faceloom.faceset import FaceSet
from faceloom_train.data.dataset import network_crop
from faceloom_train.runs.run_directory import Run


def mean_mask(run: Run) -> Float32[np.ndarray, "s s"]:
    """Return the share of a run's faces, 0..1, that cover each pixel of the network's crop.

    Every identity has the same weight.

    Args:
        run: The run whose face sets are read.

    Raises:
        ArtifactRefused: If a face set of the run is missing or damaged.
    """
    crop = network_crop(run.settings)
    return float32(
        np.stack([_mean_of(FaceSet.read(path), crop) for path in run.faces.values()]).mean(0)
    )


def _mean_of(faceset: FaceSet, crop: CropGeometry) -> Float32[np.ndarray, "s s"]:
    to_crop = faceset.geometry.affine_to(crop)
    total = np.zeros((crop.size, crop.size), np.float32)
    for row in faceset.rows:
        _, mask = align_mesh(faceset.mesh_in_crop(row), to_crop, crop.size)
        total += mask
    return total / (255 * np.float32(len(faceset)))
