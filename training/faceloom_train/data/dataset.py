"""Face sets as arrays in memory, and the endless stream of batches drawn from them.

Every batch is a pure function of the seed and the step, so that a resumed run sees exactly
what an unbroken one would have seen, and no position needs to be saved.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import tensorflow as tf
from jaxtyping import Float32, UInt8

from faceloom.array_types import float32
from faceloom.faces.alignment import CENTERED_TEMPLATE, CropGeometry, apply_affine
from faceloom.faces.face_crop import align_mesh
from faceloom.faces.landmarks import EXPRESSION_LANDMARKS, EXPRESSION_MIRROR_INDICES
from faceloom.faceset import FaceRow, FaceSet
from faceloom_train.augmentation.geometry import MARGIN
from faceloom_train.augmentation.parameters import sample_augmentation
from faceloom_train.config.schema import TrainConfig
from faceloom_train.data.sampling_weights import balanced_weights

LANDMARK_UNIT = 1 / 20


@dataclass(frozen=True, slots=True)
class TrainingFaces:
    """One identity's faces. crops: RGB and mask, 0..255, MARGIN times the network's crop.

    landmarks: of EXPRESSION, less their median over the identity: what the face does, not whose it is. Their
    unit is LANDMARK_UNIT of the crop's side, so that they spread by about 1, as the code does.
    meshes: all landmarks, in crop sides from the crop's middle. weights: how often a face is drawn against the others.
    """

    identity: str
    crops: UInt8[np.ndarray, "n m m 4"]
    landmarks: Float32[np.ndarray, "n k 2"]
    meshes: Float32[np.ndarray, "n p 2"]
    weights: Float32[np.ndarray, " n"]


def network_crop(config: TrainConfig) -> CropGeometry:
    """Return the geometry of the crops that the network takes: mirrored, they are of the same geometry."""
    return CropGeometry(size=config.network.size, coverage=config.coverage, template=CENTERED_TEMPLATE)


def held_out_rows(faceset: FaceSet, config: TrainConfig) -> tuple[FaceRow, ...]:
    """Return the faces that are not trained on, evenly spread over the set."""
    count = min(config.validation_faces, len(faceset) // 8)
    places = (np.arange(count) + 0.5) * len(faceset) / max(count, 1)
    return tuple(faceset.rows[int(place)] for place in places)


def load_faces(faceset: FaceSet, config: TrainConfig) -> TrainingFaces:
    """Decode the faces of a set that are trained on; raise ArtifactRefused if a crop cannot be read."""
    held_out = {row.image for row in held_out_rows(faceset, config)}
    rows = [row for row in faceset.rows if row.image not in held_out]
    crop = network_crop(config)
    size = round(crop.size * MARGIN)
    wide = CropGeometry(
        size=size, coverage=crop.coverage * size / crop.size, template=crop.template
    )
    with ThreadPoolExecutor() as pool:
        crops = list(pool.map(lambda row: _read(faceset, row, wide), rows))
    to_crop = faceset.geometry.affine_to(crop)
    meshes = (
        np.stack([apply_affine(to_crop, faceset.mesh_in_crop(row)) for row in rows]) / crop.size
    )
    points = meshes[:, list(EXPRESSION_LANDMARKS)] / LANDMARK_UNIT
    weights = balanced_weights(rows, config.sampling_balance, mirrored=config.augmentation.flip_probability > 0)
    return TrainingFaces(
        faceset.identity,
        np.stack(crops),
        float32(points - np.median(points, axis=0)),
        float32(meshes - 0.5),
        weights,
    )


def make_dataset(
    faces: Sequence[TrainingFaces], config: TrainConfig, start: int, stop: int
) -> tf.data.Dataset:
    """Return the batches of steps `start` to `stop`.

    Each is a dict of arrays whose first two axes are (face, identity): crops uint8
    [b, i, m, m, 4], landmarks [b, i, k, 2], and what `sample_augmentation` draws.
    """
    with tf.device("CPU"):
        stores = [_Store(f) for f in faces]

    def batch(step: tf.Tensor) -> dict[str, tf.Tensor]:
        seed = tf.stack([tf.constant(config.seed, tf.int64), step])
        shape = (config.batch_size, len(faces))
        drawn = [store.draw(seed, number, shape[0]) for number, store in enumerate(stores)]
        crops, landmarks = (tf.stack(columns, axis=1) for columns in zip(*drawn, strict=True))
        augmentation = sample_augmentation(seed, shape, config.augmentation)
        landmarks = _mirrored_where(augmentation["mirrored"] > 0, landmarks)
        return {"crops": crops, "landmarks": landmarks, **augmentation}

    steps = tf.data.Dataset.range(start, stop)
    return steps.map(batch, num_parallel_calls=2, deterministic=True)


def _mirrored_where(flipped: tf.Tensor, landmarks: tf.Tensor) -> tf.Tensor:
    """Exchange left and right of the landmarks [b, i, k, 2] of the examples that are flipped [b, i]."""
    mirrored = tf.gather(landmarks, EXPRESSION_MIRROR_INDICES, axis=2) * tf.constant([-1.0, 1.0])
    return tf.where(flipped[..., None, None], mirrored, landmarks)


class _Store:
    """One identity's faces, from which batches are drawn."""

    def __init__(self, faces: TrainingFaces):
        self._crops, self._landmarks = tf.constant(faces.crops), tf.constant(faces.landmarks)
        upto = np.cumsum(faces.weights, dtype=np.float64)
        # Where one face's part of 0..1 ends and the next one's begins.
        self._ends = tf.constant(upto[:-1] / upto[-1])

    def draw(self, seed: tf.Tensor, number: int, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Draw crops and landmarks; `number`: the identity's own stream of random numbers."""
        stream = tf.random.experimental.stateless_fold_in(seed, number)
        places = tf.random.stateless_uniform((count,), stream, dtype=tf.float64)
        which = tf.searchsorted(self._ends, places, side="right")
        return tf.gather(self._crops, which), tf.gather(self._landmarks, which)


def _read(faceset: FaceSet, row: FaceRow, wide: CropGeometry) -> UInt8[np.ndarray, "m m 4"]:
    affine = faceset.geometry.affine_to(wide)
    crop = cv2.warpAffine(
        _prefiltered(faceset.read_crop(row), float(affine[0, 0])),
        affine,
        (wide.size, wide.size),
        borderMode=cv2.BORDER_REPLICATE,
    )
    _, mask = align_mesh(faceset.mesh_in_crop(row), affine, wide.size)
    return np.dstack([crop, mask])


def _prefiltered(crop: np.ndarray, scale: float) -> np.ndarray:
    """Blur as much as shrinking by `scale` asks for, so that bilinear sampling does not alias."""
    return cv2.GaussianBlur(crop, (0, 0), 0.35 / scale) if scale < 0.75 else crop
