"""Where faces lie in a crop on the average: what hides the background where no landmarks are known."""

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.faces.alignment import CropGeometry, apply_affine
from faceloom.faces.mask import mesh_mask
from faceloom.faceset import FaceSet
from faceloom_train.data.dataset import network_crop
from faceloom_train.runs.run_directory import Run


def mean_mask(run: Run) -> Float32[np.ndarray, "s s"]:
    """Return the share of a run's faces, 0..1, that cover each pixel of the network's crop.

    Every identity counts alike. Raises ArtifactRefused if a face set of the run is not where it was.
    """
    crop = network_crop(run.settings)
    return float32(
        np.stack([_mean_of(FaceSet.read(path), crop) for path in run.faces.values()]).mean(0)
    )


def _mean_of(faceset: FaceSet, crop: CropGeometry) -> Float32[np.ndarray, "s s"]:
    to_crop = faceset.geometry.to(crop)
    total = np.zeros((crop.size, crop.size), np.float32)
    for row in faceset.rows:
        total += mesh_mask(apply_affine(to_crop, faceset.mesh_in_crop(row)), crop.size, crop.size)
    return total / (255 * np.float32(len(faceset)))
