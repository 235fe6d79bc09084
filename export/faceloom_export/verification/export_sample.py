"""Sample faces of a run: some for the parity check, others that calibrate int8."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Points, RgbBatch
from faceloom.faces.alignment import crop_face
from faceloom.faces.face_crop import align_mesh
from faceloom.faces.mask import mask_background
from faceloom.faces.parsing.face_parser import FaceParser
from faceloom.faces.parsing.regions import visible_mask
from faceloom.faceset import FaceSet
from faceloom.faceset.parsing.corrected_masks import corrected_mask
from faceloom.faceset.similarity import center_of
from faceloom_train.config.schema import TrainConfig
from faceloom_train.data.dataset import network_crop
from faceloom_train.runs.run_directory import Run

# Faces of each identity for the parity check.
_PARITY_FACES = 24
# Faces of each identity that calibrate int8.
_CALIBRATION_FACES = 48
# Faces of each identity in the golden sample; they are among those of the parity check.
_GOLDEN_FACES = 4


@dataclass(frozen=True, slots=True)
class ExportSample:
    """Crops of every identity as the network gets them during conversion.

    The parity and the calibration faces are different ones, unless an identity has only one face.
    The network may have been trained on all of them.
    """

    parity: RgbBatch
    """Crops for the parity check."""
    golden_indices: list[int]
    """Indices into `parity` of the faces in the golden sample."""
    identity_indices: list[int]
    """Indices into `parity` of the faces of the exported identity."""
    calibration: RgbBatch
    """Crops that calibrate int8."""
    identity_center: Float32[np.ndarray, "192"]
    """Mean embedding of the exported identity, of length 1."""


def read_export_sample(run: Run, identity: str) -> ExportSample:
    """Read faces spread evenly over each identity's face set.

    Args:
        run: The run whose face sets are read.
        identity: The exported identity.

    Raises:
        ArtifactRefused: If a face set of the run is missing or damaged.
    """
    parity: list[np.ndarray] = []
    calibration: list[np.ndarray] = []
    golden_indices: list[int] = []
    identity_indices: list[int] = []
    for name, path in run.faces.items():
        faceset = FaceSet.read(path)
        chosen = evenly_spaced(len(faceset), _PARITY_FACES + _CALIBRATION_FACES)
        for_parity = chosen[:: (_PARITY_FACES + _CALIBRATION_FACES) // _PARITY_FACES]
        for_calibration = sorted(set(chosen) - set(for_parity)) or for_parity
        first = len(parity)
        golden_indices += [first + i for i in evenly_spaced(len(for_parity), _GOLDEN_FACES)]
        if name == identity:
            identity_indices += range(first, first + len(for_parity))
        parity += _read_crops(faceset, for_parity, run.settings)
        calibration += _read_crops(faceset, for_calibration, run.settings)
    center = center_of(FaceSet.read(run.faces[identity]).read_embeddings())
    return ExportSample(
        np.stack(parity), golden_indices, identity_indices, np.stack(calibration), center
    )


def crop_five_points(settings: TrainConfig) -> Points:
    """Return the five points in pixels of the network's crop; every crop is aligned to them.

    Args:
        settings: The run's settings.
    """
    return network_crop(settings).template_xy()


def evenly_spaced(length: int, count: int) -> list[int]:
    """Return evenly spaced indices, the first and the last included.

    Args:
        length: Number of items to choose from.
        count: Number of indices; fewer are returned if there are fewer items.

    Returns:
        Indices from 0 to `length` - 1 in ascending order.
    """
    indices: list[int] = np.linspace(0, length - 1, min(count, length)).round().astype(int).tolist()
    return indices


def _read_crops(faceset: FaceSet, indices: list[int], settings: TrainConfig) -> list[np.ndarray]:
    """Read faces as conversion passes them to the network."""
    crop = network_crop(settings)
    to_crop = faceset.geometry.affine_to(crop)
    rows = [faceset.rows[index] for index in indices]
    faces = [crop_face(faceset.read_crop(row), to_crop, crop.size) for row in rows]
    if not settings.mask_background:
        return faces
    outlines = [align_mesh(faceset.mesh_in_crop(row), to_crop, crop.size)[1] for row in rows]
    masks = outlines
    if settings.face_mask == "regions":
        regions = FaceParser().parse_faces(faces, outlines)
        masks = [visible_mask(*pair) for pair in zip(outlines, regions, strict=True)]
    masks = [
        corrected_mask(faceset, row, mask, outline, crop)
        for row, mask, outline in zip(rows, masks, outlines, strict=True)
    ]
    return [mask_background(*pair) for pair in zip(faces, masks, strict=True)]
