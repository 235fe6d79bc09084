"""The mean face mask of a run, which masks the background where no landmarks are known."""

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.faces.face_crop import align_mesh
from faceloom.faceset import FaceSet
from faceloom.faceset.parsing.corrected_masks import corrected_mask
from faceloom.faceset.parsing.visible_faces import find_visible_faces
from faceloom.progress import run_to_completion
from faceloom_train.config.schema import TrainConfig
from faceloom_train.data.dataset import network_crop
from faceloom_train.runs.run_directory import Run


def mean_mask(run: Run) -> Float32[np.ndarray, "s s"]:
    """Return the share of a run's faces, 0..1, that cover each pixel of the network's crop.

    Every identity has the same weight. Faces are masked as the run's `face_mask` says.

    Args:
        run: The run whose face sets are read.

    Raises:
        ArtifactRefused: If a face set of the run is missing or damaged.
    """
    means = [_mean_of(FaceSet.read(path), run.settings) for path in run.faces.values()]
    return float32(np.stack(means).mean(0))


def _mean_of(faceset: FaceSet, settings: TrainConfig) -> Float32[np.ndarray, "s s"]:
    crop = network_crop(settings)
    to_crop = faceset.geometry.affine_to(crop)
    visible = (
        run_to_completion(find_visible_faces(faceset, faceset.rows, crop))
        if settings.face_mask == "regions"
        else None
    )
    total = np.zeros((crop.size, crop.size), np.float32)
    for row in faceset.rows:
        _, mask = align_mesh(faceset.mesh_in_crop(row), to_crop, crop.size)
        total += (
            visible.mask(row, mask, crop)
            if visible
            else corrected_mask(faceset, row, mask, mask, crop)
        )
    return total / (255 * np.float32(len(faceset)))
