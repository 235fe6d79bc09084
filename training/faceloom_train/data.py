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

from faceloom.arrays import float32
from faceloom.faces.align import CropGeometry, apply_affine
from faceloom.faces.landmarks import EXPRESSION, MIRRORED_EXPRESSION
from faceloom.faces.mask import mesh_mask
from faceloom.faceset import FaceRow, FaceSet
from faceloom_train.config import AugmentConfig, TrainConfig

# Batches are drawn from crops this much wider than the network's, so that turning and shifting finds pixels.
MARGIN = 1.25
LANDMARK_UNIT = 1 / 20


@dataclass(frozen=True, slots=True)
class TrainingFaces:
    """One identity's faces. crops: RGB and mask, 0..255, MARGIN times the network's crop.

    landmarks: of EXPRESSION, less their mean over the identity: what the face does, not whose it is. Their
    unit is LANDMARK_UNIT of the crop's side, so that they spread by about 1, as the code does.
    """

    identity: str
    crops: UInt8[np.ndarray, "n m m 4"]
    landmarks: Float32[np.ndarray, "n k 2"]


def network_crop(config: TrainConfig) -> CropGeometry:
    """Return the geometry of the crops that the network takes."""
    return CropGeometry(size=config.network.size, coverage=config.coverage)


def held_out_rows(faceset: FaceSet, config: TrainConfig) -> tuple[FaceRow, ...]:
    """Return the faces that are not trained on, evenly spread over the set."""
    count = min(config.held_out, len(faceset) // 8)
    places = (np.arange(count) + 0.5) * len(faceset) / max(count, 1)
    return tuple(faceset.rows[int(place)] for place in places)


def load_faces(faceset: FaceSet, config: TrainConfig) -> TrainingFaces:
    """Decode the faces of a set that are trained on; raise ArtefactRefused if a crop cannot be read."""
    held_out = {row.image for row in held_out_rows(faceset, config)}
    rows = [row for row in faceset.rows if row.image not in held_out]
    crop = network_crop(config)
    size = round(crop.size * MARGIN)
    wide = CropGeometry(size=size, coverage=crop.coverage * size / crop.size, template=crop.template)
    with ThreadPoolExecutor() as pool:
        crops = list(pool.map(lambda row: _read(faceset, row, wide), rows))
    to_crop = faceset.geometry.to(crop)
    meshes = [apply_affine(to_crop, faceset.mesh_in_crop(row)) for row in rows]
    points = np.stack([mesh[list(EXPRESSION)] for mesh in meshes]) / (crop.size * LANDMARK_UNIT)
    return TrainingFaces(faceset.identity, np.stack(crops), float32(points - points.mean(0)))


def make_dataset(faces: Sequence[TrainingFaces], config: TrainConfig, start: int, stop: int) -> tf.data.Dataset:
    """Return the batches of steps `start` to `stop`.

    Each is a dict of arrays whose first two axes are (face, identity): crops uint8
    [b, i, m, m, 4], landmarks [b, i, k, 2], and what `faceloom_train.augment` needs:
    target_map, input_map [b, i, 2, 3], warp [b, i, 5, 5, 2], light [b, i, 7].
    """
    with tf.device("CPU"):
        stores = [(tf.constant(f.crops), tf.constant(f.landmarks)) for f in faces]

    crop = network_crop(config)
    middle = float(crop.template_xy()[:, 0].mean() + 0.5) / crop.size - 0.5

    def batch(step: tf.Tensor) -> dict[str, tf.Tensor]:
        seed = tf.stack([tf.constant(config.seed, tf.int64), step])
        shape = (config.faces_per_step, len(faces))
        drawn = [_draw(store, seed, number, shape[0]) for number, store in enumerate(stores)]
        crops, landmarks = (tf.stack(columns, axis=1) for columns in zip(*drawn, strict=True))
        augmentation = sample_augmentation(seed, shape, config.augment, middle)
        landmarks = _mirrored_where(tf.linalg.det(augmentation["target_map"][..., :2]) < 0, landmarks)
        return {"crops": crops, "landmarks": landmarks, **augmentation}

    steps = tf.data.Dataset.range(start, stop)
    return steps.map(batch, num_parallel_calls=2, deterministic=True).prefetch(2)


def sample_augmentation(
    seed: tf.Tensor, shape: tuple[int, int], augment: AugmentConfig, middle: float = 0
) -> dict[str, tf.Tensor]:
    """Draw the parameters of one batch's augmentation from a seed of two numbers.

    `middle`: where the line down the middle of aligned faces is, in crop sides from the crop's own.
    """
    draw = _Draws(seed, shape)
    flip = tf.where(draw.uniform((), 0, 1) < augment.flip, -1.0, 1.0)
    shared = _similarity(draw, augment.rotation, augment.zoom, augment.shift)
    # Mirrored about the faces' own middle, which is not the crop's: half a pixel off would blur them for good.
    shift = shared[..., 2] + shared[..., 0] * (1 - flip[..., None]) * middle
    mirrored = tf.stack([shared[..., 0] * flip[..., None], shared[..., 1], shift], -1)
    strength = augment.light
    light = [
        1 + strength * draw.uniform((3,), -0.12, 0.12),
        1 + strength * draw.uniform((1,), -0.25, 0.25),
        strength * draw.uniform((1,), -0.1, 0.1),
        strength * draw.uniform((2,), -0.2, 0.2),
    ]
    return {
        "target_map": mirrored,
        "input_map": _similarity(draw, augment.input_rotation, augment.input_zoom, augment.input_shift),
        "warp": draw.normal((5, 5, 2), augment.warp),
        "light": tf.concat(light, -1),
    }


class _Draws:
    """Stateless random numbers, a new stream at each call."""

    def __init__(self, seed: tf.Tensor, shape: tuple[int, int]):
        self._seed = seed
        self._shape = shape
        # Streams 0, 1, ... choose the faces.
        self._stream = 1000

    def uniform(self, shape: tuple[int, ...], low: float, high: float) -> tf.Tensor:
        return tf.random.stateless_uniform((*self._shape, *shape), self._next(), low, high)

    def normal(self, shape: tuple[int, ...], spread: float) -> tf.Tensor:
        return tf.random.stateless_normal((*self._shape, *shape), self._next(), 0, spread)

    def _next(self) -> tf.Tensor:
        self._stream += 1
        return tf.random.experimental.stateless_fold_in(self._seed, self._stream)


def _similarity(draw: _Draws, rotation: float, zoom: float, shift: float) -> tf.Tensor:
    """Random similarities [b, i, 2, 3]: up to `rotation` degrees, zoom by up to exp(+-`zoom`), shift."""
    angle = draw.uniform((), -rotation, rotation) * (np.pi / 180)
    scale = tf.exp(draw.uniform((), -zoom, zoom))
    x, y = tf.unstack(draw.uniform((2,), -shift, shift), axis=-1)
    cos, sin = scale * tf.cos(angle), scale * tf.sin(angle)
    return tf.stack([tf.stack([cos, -sin, x], -1), tf.stack([sin, cos, y], -1)], -2)


def _mirrored_where(flipped: tf.Tensor, landmarks: tf.Tensor) -> tf.Tensor:
    """Exchange left and right of the landmarks [b, i, k, 2] of the examples that are flipped [b, i]."""
    mirrored = tf.gather(landmarks, MIRRORED_EXPRESSION, axis=2) * tf.constant([-1.0, 1.0])
    return tf.where(flipped[..., None, None], mirrored, landmarks)


def _draw(store: tuple[tf.Tensor, tf.Tensor], seed: tf.Tensor, number: int, count: int) -> tuple[tf.Tensor, tf.Tensor]:
    stream = tf.random.experimental.stateless_fold_in(seed, number)
    which = tf.random.stateless_uniform((count,), stream, 0, len(store[0]), tf.int32)
    return tf.gather(store[0], which), tf.gather(store[1], which)


def _read(faceset: FaceSet, row: FaceRow, wide: CropGeometry) -> UInt8[np.ndarray, "m m 4"]:
    affine = faceset.geometry.to(wide)
    crop = cv2.warpAffine(
        _prefiltered(faceset.read_crop(row), float(affine[0, 0])),
        affine,
        (wide.size, wide.size),
        borderMode=cv2.BORDER_REPLICATE,
    )
    mask = mesh_mask(apply_affine(affine, faceset.mesh_in_crop(row)), wide.size, wide.size)
    return np.dstack([crop, mask])


def _prefiltered(crop: np.ndarray, scale: float) -> np.ndarray:
    """Blur as much as shrinking by `scale` asks for, so that bilinear sampling does not alias."""
    return cv2.GaussianBlur(crop, (0, 0), 0.35 / scale) if scale < 0.75 else crop
