"""Face sets as arrays in memory, and the endless sequence of batches sampled from them.

Each batch is a pure function of the seed and the step. A resumed run therefore sees the same
batches as an uninterrupted one, and no position needs to be saved.
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
from faceloom.faceset.parsing.corrected_masks import corrected_mask
from faceloom.faceset.parsing.visible_faces import VisibleFaces, find_visible_faces
from faceloom.progress import ProgressCallback, run_to_completion
from faceloom_train.augmentation.geometry import MARGIN
from faceloom_train.augmentation.parameters import sample_augmentation
from faceloom_train.config.schema import TrainConfig
from faceloom_train.data.hair_strands import paint_over_strands
from faceloom_train.data.preview_faces import find_preview_rows
from faceloom_train.data.sampling_weights import balanced_weights

# Unit of the landmarks, as a fraction of the crop's side: they then have a standard deviation of
# about 1, as the latent has.
LANDMARK_UNIT = 1 / 20
# Width of the rim of hidden parts, as a fraction of the crop's side: there skin and hair are mixed,
# which would draw a line around the hair.
HIDDEN_RIM = 0.02
# At most one in so many faces of a set is a validation face.
_MIN_FACES_PER_VALIDATION_FACE = 8
# Threads that sample batches.
_SAMPLING_THREADS = 2
# Scale below which a crop is blurred before it is shrunk, and sigma of that blur at scale 1, in
# pixels.
_PREFILTER_SCALE = 0.75
_PREFILTER_SIGMA = 0.35


@dataclass(frozen=True, slots=True)
class TrainingFaces:
    """One identity's faces."""

    identity: str
    """Name of the identity."""
    crops: UInt8[np.ndarray, "n m m c"]
    """RGB and mask, 0 to 255; m is `MARGIN` times the side of the network's crop. c is 4 where the
    mask is the mesh mask; where it is the visible face, the fifth channel is the mesh mask."""
    landmarks: Float32[np.ndarray, "n k 2"]
    """`EXPRESSION_LANDMARKS` less their median over the identity, in `LANDMARK_UNIT`."""
    meshes: Float32[np.ndarray, "n p 2"]
    """All landmarks, in sides of the network's crop from its center."""
    weights: Float32[np.ndarray, " n"]
    """How often each face is sampled, relative to the others."""
    preview_crops: UInt8[np.ndarray, "v m m c"] | None = None
    """The faces that preview sheets show, as `crops`; None: some of `crops`."""


def network_crop(config: TrainConfig) -> CropGeometry:
    """Return the geometry of the network's crops; mirrored crops have the same geometry.

    Args:
        config: The run's configuration.
    """
    return CropGeometry(
        size=config.network.size, coverage=config.coverage, template=CENTERED_TEMPLATE
    )


def validation_rows(faceset: FaceSet, config: TrainConfig) -> tuple[FaceRow, ...]:
    """Return the rows of the validation faces, evenly spread over a set.

    Args:
        faceset: The face set.
        config: The run's configuration.
    """
    count = min(config.validation_faces, len(faceset) // _MIN_FACES_PER_VALIDATION_FACE)
    positions = (np.arange(count) + 0.5) * len(faceset) / max(count, 1)
    return tuple(faceset.rows[int(position)] for position in positions)


def load_faces(
    faceset: FaceSet,
    config: TrainConfig,
    report: ProgressCallback = lambda _: None,
    preview: Sequence[str] = (),
) -> TrainingFaces:
    """Decode the faces of a set that are trained on, and parse them if their masks need it.

    Args:
        faceset: The face set.
        config: The run's configuration.
        report: Receives the progress of parsing.
        preview: Names of the faces that preview sheets show, which may be validation faces; empty:
                some of the faces that are trained on.

    Raises:
        ArtifactRefused: A crop cannot be read.
    """
    validation = {row.image for row in validation_rows(faceset, config)}
    rows = [row for row in faceset.rows if row.image not in validation]
    shown = find_preview_rows(faceset, preview)
    crop = network_crop(config)
    size = round(crop.size * MARGIN)
    stored = CropGeometry(
        size=size, coverage=crop.coverage * size / crop.size, template=crop.template
    )
    visible = None
    if config.face_mask == "regions":
        parsed = rows + [row for row in shown if row.image in validation]
        visible = run_to_completion(find_visible_faces(faceset, parsed, crop), report)
    with ThreadPoolExecutor() as pool:
        crops = list(pool.map(lambda row: _read_crop(faceset, row, stored, visible), rows))
    preview_crops = [_read_crop(faceset, row, stored, visible) for row in shown]
    to_crop = faceset.geometry.affine_to(crop)
    meshes = (
        np.stack([apply_affine(to_crop, faceset.mesh_in_crop(row)) for row in rows]) / crop.size
    )
    points = meshes[:, list(EXPRESSION_LANDMARKS)] / LANDMARK_UNIT
    return TrainingFaces(
        faceset.identity,
        np.stack(crops),
        float32(points - np.median(points, axis=0)),
        float32(meshes - 0.5),
        balanced_weights(
            rows, config.sampling_balance, mirrored=config.augmentation.flip_probability > 0
        ),
        np.stack(preview_crops) if preview_crops else None,
    )


def make_dataset(
    faces: Sequence[TrainingFaces], config: TrainConfig, start: int, stop: int
) -> tf.data.Dataset:
    """Make the batches of a range of steps.

    Args:
        faces: The faces of each identity.
        config: The run's configuration.
        start: First step.
        stop: Step after the last one.

    Returns:
        Dicts of arrays whose first two axes are (face, identity): crops uint8 [b, i, m, m, c],
        landmarks [b, i, k, 2], if the loss uses them displacements [b, i, p, 4] (see
        `displacements`), and the arrays of `sample_augmentation`.
    """
    with tf.device("CPU"):
        samplers = [_FaceSampler(f) for f in faces]
        medians = tf.constant(np.stack([float32(np.median(f.meshes, axis=0)) for f in faces]))

    def batch(step: tf.Tensor) -> dict[str, tf.Tensor]:
        seed = tf.stack([tf.constant(config.seed, tf.int64), step])
        shape = (config.batch_size, len(faces))
        samples = [sampler.sample(seed, index, shape[0]) for index, sampler in enumerate(samplers)]
        crops, landmarks, meshes = (
            tf.stack(columns, axis=1) for columns in zip(*samples, strict=True)
        )
        augmentation = sample_augmentation(seed, shape, config.augmentation)
        landmarks = mirror_landmarks(landmarks, augmentation["mirrored"] > 0)
        sampled = {"crops": crops, "landmarks": landmarks}
        if config.loss.displacement:
            sampled["displacements"] = displacements(meshes, medians, augmentation)
        return {**sampled, **augmentation}

    steps = tf.data.Dataset.range(start, stop)
    return steps.map(batch, num_parallel_calls=_SAMPLING_THREADS, deterministic=True)


def mirror_landmarks(landmarks: tf.Tensor, mirrored: tf.Tensor) -> tf.Tensor:
    """Exchange left and right of landmarks where faces are mirrored.

    Args:
        landmarks: [b, i, k, 2].
        mirrored: [b, i], bool.
    """
    mirror_image = tf.gather(landmarks, EXPRESSION_MIRROR_INDICES, axis=2) * tf.constant(
        [-1.0, 1.0]
    )
    return tf.where(mirrored[..., None, None], mirror_image, landmarks)


def displacements(
    meshes: tf.Tensor, medians: tf.Tensor, augmentation: dict[str, tf.Tensor]
) -> tf.Tensor:
    """Return where the landmarks are in the targets, and how far the mean face must be shifted.

    The mean face shows the median mesh. It is mirrored where the target is, and not transformed.

    Args:
        meshes: Landmarks [b, i, p, 2], in sides of the network's crop from its center.
        medians: Median mesh of each face's identity, broadcastable to `meshes`.
        augmentation: What `sample_augmentation` returned.

    Returns:
        [b, i, p, 4]: x and y of each landmark, and its displacement as `MeanFace` applies it.
    """
    transform = augmentation["target_transform"]
    inverse = tf.linalg.inv(transform[..., :2])
    centered = meshes - transform[..., None, :, 2]
    positions = tf.linalg.matmul(centered, inverse, transpose_b=True)
    sign = tf.where(augmentation["mirrored"] > 0, -1.0, 1.0)
    flip = tf.stack([sign, tf.ones_like(sign)], -1)[..., None, :]
    return tf.concat([positions, medians * flip - positions], -1)


class _FaceSampler:
    """Samples one identity's faces by their weights."""

    def __init__(self, faces: TrainingFaces):
        self._crops, self._landmarks = tf.constant(faces.crops), tf.constant(faces.landmarks)
        self._meshes = tf.constant(faces.meshes)
        cumulative = np.cumsum(faces.weights, dtype=np.float64)
        # Ends of the faces' intervals in 0..1, without the last one.
        self._ends = tf.constant(cumulative[:-1] / cumulative[-1])

    def sample(self, seed: tf.Tensor, stream: int, count: int) -> tuple[tf.Tensor, ...]:
        """Sample `count` crops, landmarks and meshes with the random numbers of a stream."""
        stream_seed = tf.random.experimental.stateless_fold_in(seed, stream)
        positions = tf.random.stateless_uniform((count,), stream_seed, dtype=tf.float64)
        indices = tf.searchsorted(self._ends, positions, side="right")
        arrays = (self._crops, self._landmarks, self._meshes)
        return tuple(tf.gather(array, indices) for array in arrays)


def _read_crop(
    faceset: FaceSet, row: FaceRow, geometry: CropGeometry, visible: VisibleFaces | None
) -> UInt8[np.ndarray, "m m c"]:
    """Read a face in another crop geometry: RGB, visible face if it is known, and mesh mask.

    Where the visible face is known, strands of hair on the forehead are painted over.
    """
    affine = faceset.geometry.affine_to(geometry)
    crop = cv2.warpAffine(
        _prefilter(faceset.read_crop(row), float(affine[0, 0])),
        affine,
        (geometry.size, geometry.size),
        borderMode=cv2.BORDER_REPLICATE,
    )
    mesh, outline = align_mesh(faceset.mesh_in_crop(row), affine, geometry.size)
    if visible is None:
        return np.dstack([crop, corrected_mask(faceset, row, outline, outline, geometry)])
    mask = visible.mask(row, outline, geometry)
    return np.dstack([paint_over_strands(crop, mask, outline, mesh), mask, outline])


def _prefilter(crop: np.ndarray, scale: float) -> np.ndarray:
    """Blur a crop before it is shrunk by `scale`, against aliasing of bilinear sampling."""
    if scale >= _PREFILTER_SCALE:
        return crop
    return cv2.GaussianBlur(crop, (0, 0), _PREFILTER_SIGMA / scale)
