"""Faces of a run for the export: those that calibrate int8, and others that show what was lost."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Points, RgbBatch
from faceloom.faces.alignment import apply_affine, crop_face
from faceloom.faces.mask import hide_background, mesh_mask
from faceloom.faceset import FaceRow, FaceSet
from faceloom.faceset.similarity import center_of
from faceloom_train.config.schema import TrainConfig
from faceloom_train.data.dataset import network_crop
from faceloom_train.runs.run_directory import Run

# Faces of each identity that prove, and that calibrate; of the former, those that the golden sample keeps.
_PROOF, _CALIBRATION, _GOLDEN = 24, 48, 4


@dataclass(frozen=True, slots=True)
class Sample:
    """Crops of every identity, as the network sees them when converting.

    No face is both in `proof` and in `calibration` (unless an identity has only one), but training may have seen
    all of them. golden: which of `proof` the bundle keeps. own: which of `proof` are of the one who is drawn.
    center: the mean embedding of that one.
    """

    proof: RgbBatch
    golden: list[int]
    own: list[int]
    calibration: RgbBatch
    center: Float32[np.ndarray, "192"]


def sample_faces(run: Run, identity: str) -> Sample:
    """Choose faces spread evenly over each identity's set.

    Raises ArtifactRefused if a face set of the run is not where it was.
    """
    proof: list[np.ndarray] = []
    calibration: list[np.ndarray] = []
    golden: list[int] = []
    own: list[int] = []
    for name, path in run.faces.items():
        faceset = FaceSet.read(path)
        chosen = spread(len(faceset), _PROOF + _CALIBRATION)
        proving = chosen[:: (_PROOF + _CALIBRATION) // _PROOF]
        golden += [len(proof) + number for number in spread(len(proving), _GOLDEN)]
        own += [len(proof) + number for number in range(len(proving) if name == identity else 0)]
        proof += _crops(faceset, proving, run.settings)
        calibration += _crops(faceset, sorted(set(chosen) - set(proving)) or proving, run.settings)
    center = center_of(FaceSet.read(run.faces[identity]).read_embeddings())
    return Sample(np.stack(proof), golden, own, np.stack(calibration), center)


def crop_points(settings: TrainConfig) -> Points:
    """Return where the five points of every crop are, in its pixels: at the template's."""
    return network_crop(settings).template_xy()


def spread(length: int, count: int) -> list[int]:
    """Return `count` whole numbers, or fewer, evenly from 0 to below `length`."""
    numbers: list[int] = np.linspace(0, length - 1, min(count, length)).round().astype(int).tolist()
    return numbers


def _crops(faceset: FaceSet, numbers: list[int], settings: TrainConfig) -> list[np.ndarray]:
    return [_crop(faceset, faceset.rows[number], settings) for number in numbers]


def _crop(faceset: FaceSet, row: FaceRow, settings: TrainConfig) -> np.ndarray:
    crop = network_crop(settings)
    to_crop = faceset.geometry.to(crop)
    face = crop_face(faceset.read_crop(row), to_crop, crop.size)
    if not settings.hide_background:
        return face
    outline = mesh_mask(apply_affine(to_crop, faceset.mesh_in_crop(row)), crop.size, crop.size)
    return hide_background(face, outline)
