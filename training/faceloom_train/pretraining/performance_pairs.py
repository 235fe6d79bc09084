"""Batches of pairs: what the encoder sees, and the same performance by the person to predict."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from jaxtyping import Float32, Int32, UInt8

from faceloom.array_types import float32
from faceloom_train.augmentation.parameters import sample_augmentation
from faceloom_train.config.schema import TrainConfig
from faceloom_train.data.batch_packing import BatchLayout, batch_layout
from faceloom_train.data.dataset import displacements, mirror_landmarks
from faceloom_train.pretraining.crowd_faces import CrowdFaces

# Least standard deviation by which a number of a performance is divided.
_LEAST_DEVIATION = 0.05
# Numbers of the random streams of a step.
_INPUT_STREAM = 0
_TARGET_STREAM = 1
_STYLE_STREAM = 2
# Share of the targets that are predicted in their person's style; the others teach style 0.
_STYLED = 0.6
# Threads that sample batches.
_SAMPLING_THREADS = 2


@dataclass(frozen=True, slots=True)
class PerformancePairs:
    """All faces of all people, and for each of them who else gives the same performance."""

    crops: UInt8[np.ndarray, "n m m 5"]
    """RGB, visible face and mesh mask."""
    landmarks: Float32[np.ndarray, "n k 2"]
    """Landmarks less their median over the person, in LANDMARK_UNIT."""
    meshes: Float32[np.ndarray, "n p 2"]
    """All landmarks, in sides of the network's crop from its center."""
    medians: Float32[np.ndarray, "n p 2"]
    """Median mesh of each face's person."""
    performance: Float32[np.ndarray, "n p"]
    """Expression weights and gaze in standard deviations, which a linear head reads from the
    latent: a shut eye counts as much as an open mouth."""
    mirror_indices: Int32[np.ndarray, " p"]
    """For each number of `performance` the position of its mirror image."""
    mirror_signs: Float32[np.ndarray, " p"]
    """Sign that each number has in a mirrored face: -1 for the sideways gaze, 1 for all others."""
    person: Int32[np.ndarray, " n"]
    """Index of the person."""
    first: Int32[np.ndarray, " n"]
    """Where the faces of the same performance begin; they are consecutive."""
    count: Int32[np.ndarray, " n"]
    """How many faces show the same performance."""

    @classmethod
    def from_people(cls, people: Sequence[CrowdFaces]) -> "PerformancePairs":
        """Sort faces by performance.

        Args:
            people: The people, who have the same expression controls.

        Raises:
            ValueError: They do not.
        """
        if any(own.controls != people[0].controls for own in people):
            raise ValueError("all people need the same expression controls")
        person = np.repeat(np.arange(len(people)), [len(own.performances) for own in people])
        group = np.array([own.group for own in people])[person]
        performances = np.concatenate([own.performances for own in people])
        order = np.lexsort([person, performances, group])
        _, first, which, count = np.unique(
            np.stack([group, performances], 1)[order],
            axis=0,
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        which = which.reshape(-1)
        performance = np.concatenate([np.hstack([own.expression, own.gaze]) for own in people])
        indices, signs = _mirror_image(people[0].controls)
        deviation = performance.std(0)
        deviation = np.maximum((deviation + deviation[indices]) / 2, _LEAST_DEVIATION)
        meshes = np.concatenate([own.faces.meshes for own in people])
        medians = np.stack([np.median(own.faces.meshes, axis=0) for own in people])
        return cls(
            np.concatenate([own.faces.crops for own in people])[order],
            np.concatenate([own.faces.landmarks for own in people])[order],
            meshes[order],
            float32(medians)[person[order]],
            float32((performance / deviation)[order]),
            indices,
            signs,
            person[order].astype(np.int32),
            first[which].astype(np.int32),
            count[which].astype(np.int32),
        )


def pair_layout(config: TrainConfig, performance_size: int) -> BatchLayout:
    """Return how batches of pairs are packed.

    Args:
        config: The configuration.
        performance_size: Numbers that describe a performance.
    """
    return {**batch_layout(config), "person": (), "styled": (), "performance": (performance_size,)}


def make_pair_dataset(pairs: PerformancePairs, config: TrainConfig) -> tf.data.Dataset:
    """Make the batches of a pretraining.

    Args:
        pairs: The faces.
        config: The configuration.

    Returns:
        Dicts of arrays whose first two axes are (pair, 2): the encoder's face and the target.
        Those of `faceloom_train.data.dataset.make_dataset`, person [b, 2], performance
        [b, 2, p] and styled [b, 2], which is 0 where the target is predicted in style 0. Both
        faces of a pair have the same augmentation.
    """
    with tf.device("CPU"):
        arrays = {
            "crops": tf.constant(pairs.crops),
            "landmarks": tf.constant(pairs.landmarks),
            "performance": tf.constant(pairs.performance),
            "person": tf.constant(float32(pairs.person)),
        }
        meshes, medians = tf.constant(pairs.meshes), tf.constant(pairs.medians)
        first, count = tf.constant(pairs.first), tf.constant(pairs.count)

    def batch(step: tf.Tensor) -> dict[str, tf.Tensor]:
        seed = tf.stack([tf.constant(config.seed, tf.int64), step])
        faces = _uniform(seed, _INPUT_STREAM, config.batch_size, len(pairs.person))
        others = tf.gather(count, faces)
        targets = tf.gather(first, faces) + _uniform(
            seed, _TARGET_STREAM, config.batch_size, others
        )
        indices = tf.stack([faces, targets], 1)
        sampled = {name: tf.gather(array, indices) for name, array in arrays.items()}
        styled = tf.random.stateless_uniform(
            (config.batch_size,), tf.random.experimental.stateless_fold_in(seed, _STYLE_STREAM)
        )
        sampled["styled"] = tf.repeat(tf.cast(styled < _STYLED, tf.float32)[:, None], 2, axis=1)
        augmentation = sample_augmentation(seed, (config.batch_size, 1), config.augmentation)
        both = {name: tf.repeat(values, 2, axis=1) for name, values in augmentation.items()}
        sampled["displacements"] = displacements(
            tf.gather(meshes, indices), tf.gather(medians, indices), both
        )
        mirrored = both["mirrored"] > 0
        sampled["landmarks"] = mirror_landmarks(sampled["landmarks"], mirrored)
        mirror_image = tf.gather(sampled["performance"], pairs.mirror_indices, axis=2)
        sampled["performance"] = tf.where(
            mirrored[..., None], mirror_image * pairs.mirror_signs, sampled["performance"]
        )
        return {**sampled, **both}

    steps = tf.data.Dataset.range(config.steps)
    return steps.map(batch, num_parallel_calls=_SAMPLING_THREADS, deterministic=True)


def _mirror_image(
    controls: Sequence[str],
) -> tuple[Int32[np.ndarray, " p"], Float32[np.ndarray, " p"]]:
    """Return `mirror_indices` and `mirror_signs` of the controls and, after them, the gaze."""
    other_side = {"L": "R", "R": "L"}
    names = [*controls, "gaze_sideways", "gaze_up"]
    images = [name[:-1] + other_side.get(name[-1], name[-1]) for name in names]
    signs = [-1 if name == "gaze_sideways" else 1 for name in names]
    return np.array([names.index(image) for image in images], np.int32), float32(signs)


def _uniform(seed: tf.Tensor, stream: int, size: int, limit: int | tf.Tensor) -> tf.Tensor:
    """Integers [size] from 0 to less than `limit`."""
    stream_seed = tf.random.experimental.stateless_fold_in(seed, stream)
    fraction = tf.random.stateless_uniform((size,), stream_seed, dtype=tf.float64)
    return tf.cast(fraction * tf.cast(limit, tf.float64), tf.int32)
