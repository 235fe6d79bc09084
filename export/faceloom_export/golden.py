"""The golden sample: faces that the trained model swapped before it was exported."""

from typing import Any

import numpy as np

from faceloom.arrays import RgbBatch
from faceloom.faces.align import apply_affine, crop_face
from faceloom.faces.mask import hide_background, mesh_mask
from faceloom.faceset import FaceRow, FaceSet
from faceloom.swap.bundle import Golden
from faceloom_export.names import MASK, SWAPPED
from faceloom_train.config import TrainConfig
from faceloom_train.data import network_crop
from faceloom_train.run import Run

# Faces of each identity in the sample.
_FACES = 4


def golden_faces(run: Run) -> RgbBatch:
    """Return a few crops of every identity, as the network sees them when converting.

    Raises ArtefactRefused if a face set of the run is not where it was.
    """
    crops: list[np.ndarray] = []
    for path in run.faces.values():
        faceset = FaceSet.read(path)
        crops += [_crop(faceset, row, run.settings) for row in chosen_rows(faceset)]
    return np.stack(crops)


def chosen_rows(faceset: FaceSet) -> list[FaceRow]:
    """Return a few of a set's faces, evenly spread."""
    chosen = np.linspace(0, len(faceset) - 1, min(_FACES, len(faceset))).round().astype(int)
    return [faceset.rows[number] for number in chosen]


def make_golden(function: Any, faces: RgbBatch) -> Golden:
    """Run the trained model on the sample."""
    outputs = function(faces)
    return Golden(faces, outputs[SWAPPED].numpy(), outputs[MASK].numpy()[..., 0])


def _crop(faceset: FaceSet, row: FaceRow, settings: TrainConfig) -> np.ndarray:
    crop = network_crop(settings)
    to_crop = faceset.geometry.to(crop)
    face = crop_face(faceset.read_crop(row), to_crop, crop.size)
    if not settings.hide_background:
        return face
    outline = mesh_mask(apply_affine(to_crop, faceset.mesh_in_crop(row)), crop.size, crop.size)
    return hide_background(face, outline)
