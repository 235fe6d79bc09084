"""All metrics of all versions of a clip, frame by frame, from the observations of its frames."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import float32
from faceloom.compare.expression import (
    FEATURES,
    Meshes,
    frontal_mesh,
    frontalize,
    motion,
    motion_r_squared,
)
from faceloom.compare.eye_moments import EyeMoments
from faceloom.compare.eyes_and_mouth import (
    gaze_difference,
    lid_error,
    mouth_opening_error,
    mouth_shape_kept,
    shut_eyes_kept,
)
from faceloom.compare.identity_metric import (
    SourceIdentity,
    relative_similarity_to_truth,
    remaining_target_identity,
)
from faceloom.compare.image_metrics import ImageMetrics
from faceloom.compare.metrics import METRICS, Series
from faceloom.compare.observations import FaceMeasurements, FrameObservation
from faceloom.faces.expression import relative_lid_opening
from faceloom.faces.landmarks import EYE_LEFT, EYE_RIGHT
from faceloom.faces.parsing.occlusion import STANDS_BEFORE
from faceloom.faceset.similarity import center_of

# Levels by which a swapped frame differs from the target at least; encoding noise is about 1.
_UNSWAPPED_LEVELS = 1.5
# The same, as a share of the median difference of the clip's frames.
_UNSWAPPED_SHARE = 0.25
# Faces that a metric of change needs: a single face would be perfect in all of them.
_LEAST_FACES = 2
# Metrics of motion that are also measured against the truth.
_TRUTH_MOTION = ("expression", "followed_motion")
# Share of the faces whose expression must have been read for their motion to be that of these
# landmarks: a few faces do not stand for a clip.
_LEAST_READ = 0.5
_EYES = (*EYE_LEFT, *EYE_RIGHT)
_MOUTH = FEATURES["mouth_motion"][0].points


@dataclass(frozen=True, slots=True)
class IdentityReferences:
    """The identities that versions are compared with."""

    source: SourceIdentity | None
    """The source identity; None if it is unknown."""
    target: Float32[np.ndarray, "192"] | None
    """Unit vector of the person in the target; None to use the target video itself."""


@dataclass(frozen=True, slots=True)
class _Measurements:
    """The measurements of one version, stacked over the frames."""

    meshes: Float32[np.ndarray, "t 468 3"]
    """Landmarks of the face mesh network in pixels of the frame."""
    expression_meshes: Float32[np.ndarray, "t 468 3"]
    """The same from the network that reads expressions; NaN where they were not read."""
    angles: Float32[np.ndarray, "t 3"]
    """Yaw, pitch and roll in degrees."""
    embeddings: Float32[np.ndarray, "t 192"]
    """Unit vectors of the recognition network."""
    gazes: Float32[np.ndarray, "t 2"]
    """Positions of the irises in eye widths."""
    weights: Float32[np.ndarray, "t 52"]
    """Expression weights."""
    lids: Series
    """Lid openings relative to the version's open eyes."""
    mouths: Series
    """Mouth openings in eye widths."""

    @classmethod
    def of(cls, frames: list[FaceMeasurements]) -> "_Measurements":
        return cls(
            np.stack([frame.mesh for frame in frames]),
            np.stack([frame.expression_mesh for frame in frames]),
            np.stack([frame.angles for frame in frames]),
            np.stack([frame.embedding for frame in frames]),
            np.stack([frame.gaze for frame in frames]),
            np.stack([frame.weights for frame in frames]),
            relative_lid_opening(float32([frame.lid_opening for frame in frames])),
            float32([frame.mouth_opening for frame in frames]),
        )

    @property
    def has_face(self) -> Bool[np.ndarray, "t"]:
        return np.asarray(np.isfinite(self.meshes[:, 0, 0]))


class ClipMetrics:
    """Collects a clip's frames in order and computes each version's metrics."""

    def __init__(self, truth: int | None = None):
        """Start a clip.

        Args:
            truth: Index of the ground truth among the versions; None without one.
        """
        self.frames: list[int] = []
        self._truth = truth
        self._image_metrics = ImageMetrics(truth)
        self._measurements: list[list[FaceMeasurements]] = []
        self._rows: list[list[dict[str, float]]] = []

    def add(self, observation: FrameObservation) -> None:
        """Add the next frame.

        Args:
            observation: What was measured in it.
        """
        self.frames.append(observation.frame)
        self._measurements.append([version.measurements for version in observation.versions])
        self._rows.append(self._image_metrics.measure(observation))

    def series(self, version: int, references: IdentityReferences) -> dict[str, Series]:
        """Compute the metrics of one version.

        Args:
            version: Index of the version; 0 is the target.
            references: The identities to compare with.

        Returns:
            The metrics that are defined, per frame, by their names in METRICS.
        """
        own, target = self._stacked(version), self._stacked(0)
        computed = {
            **self._image_series(version),
            **_performance(own, target),
            **_identity(own, target, references),
            "position_error": _position_error(own, target),
            "landmark_jitter": self._where_consecutive(_landmark_jitter(own, target)),
            "color_flicker": self._where_consecutive(self._color_flicker(version)),
            "unswapped_frames": self._unswapped(version, own),
        }
        if self._truth is not None:
            computed |= _against_truth(own, target, self._stacked(self._truth))
        return {metric.name: computed[metric.name] for metric in METRICS if metric.name in computed}

    def occluded_frames(self) -> tuple[int, ...]:
        """Return the indices of the frames in which something stands before the target's face."""
        frames, share = [], 0.0
        for frame, measured in zip(self.frames, self._column(0, "occluded"), strict=True):
            # Not every frame is parsed; the others are as the one before.
            share = float(measured) if np.isfinite(measured) else share
            if share >= STANDS_BEFORE:
                frames.append(frame)
        return tuple(frames)

    def eye_moments(self, version: int, frame_rate: float | None) -> EyeMoments:
        """Return when a version's eyes are open or shut unlike the target's.

        Args:
            version: Index of the version.
            frame_rate: Frames per second, if known.
        """
        swap, target = self._stacked(version).lids, self._stacked(0).lids
        return EyeMoments.find(swap, target, self.frames, frame_rate)

    def _stacked(self, version: int) -> _Measurements:
        return _Measurements.of([frame[version] for frame in self._measurements])

    def _column(self, version: int, name: str) -> Series:
        return float32([row[version].get(name, np.nan) for row in self._rows])

    def _image_series(self, version: int) -> dict[str, Series]:
        names = {name for row in self._rows for name in row[version]}
        return {name: self._column(version, name) for name in names}

    def _color_flicker(self, version: int) -> Series:
        """Second temporal difference of the mean color minus the target's."""
        tint = np.stack([self._column(version, f"tint_{axis}") for axis in "lab"], 1)
        return _second_difference(tint)

    def _unswapped(self, version: int, own: _Measurements) -> Series:
        changed = self._column(version, "changed")
        least = max(_UNSWAPPED_LEVELS, _UNSWAPPED_SHARE * float(np.median(changed)))
        return float32((changed < least) | ~own.has_face)

    def _where_consecutive(self, series: Series) -> Series:
        """Drop values that compare three frames which are not consecutive."""
        frames = np.array(self.frames)
        isolated = np.ones(len(frames), bool)
        isolated[1:-1] = frames[2:] - frames[:-2] != 2
        return float32(np.where(isolated, np.nan, series))


def _motion_kept(
    own: _Measurements, reference: _Measurements, target: _Measurements
) -> dict[str, Series]:
    """How much of the reference's facial motion is kept, relative to the target's head pose."""
    versions, known = _motion_meshes((own, reference, target))
    if known.sum() < _LEAST_FACES:
        return {}
    frontal = frontal_mesh(versions[2][known], target.angles[known])
    own_motion, reference_motion = (
        motion(frontalize(meshes, frontal), target.angles, known) for meshes in versions[:2]
    )
    return motion_r_squared(own_motion, reference_motion)


def _motion_meshes(
    versions: Sequence[_Measurements],
) -> tuple[list[Meshes], Bool[np.ndarray, "t"]]:
    """Return the landmarks to read motion from, and in which frames all versions have them.

    The network that reads expressions follows lids and lips better than the face mesh network.
    Where expressions were read of few faces, or not at all as during a training, the latter is
    used for all versions.
    """
    meshes = [version.meshes for version in versions]
    read = [version.expression_meshes for version in versions]
    has_mesh, is_read = (
        np.all([np.isfinite(own[:, 0, 0]) for own in each], axis=0) for each in (meshes, read)
    )
    if is_read.sum() >= max(_LEAST_FACES, _LEAST_READ * has_mesh.sum()):
        return read, is_read
    return meshes, has_mesh


def _performance(own: _Measurements, target: _Measurements) -> dict[str, Series]:
    return {
        **_motion_kept(own, target, target),
        **_eyes_and_mouth(own, target, same_person=False),
        "head_pose_error": _deviation(own.angles - target.angles, np.median),
    }


def _eyes_and_mouth(
    own: _Measurements, reference: _Measurements, *, same_person: bool
) -> dict[str, Series]:
    lids = (own.lids, reference.lids)
    gaze = gaze_difference((own.gazes, reference.gazes), lids)
    return {
        "lid_error": lid_error(*lids),
        "shut_eyes_kept": shut_eyes_kept(*lids),
        "gaze_error": _deviation(gaze, np.median),
        "mouth_opening_error": mouth_opening_error(
            own.mouths, reference.mouths, same_person=same_person
        ),
        "mouth_shape": mouth_shape_kept(own.weights, reference.weights),
    }


def _identity(
    own: _Measurements, target: _Measurements, references: IdentityReferences
) -> dict[str, Series]:
    source, target_center = references.source, references.target
    if source is None:
        return {}
    similarity = source.relative_similarity(own.embeddings, target.embeddings)
    if target_center is None:
        target_center = center_of(target.embeddings[target.has_face])
    return {
        "identity": similarity,
        "identity_deviation": _deviation(similarity[:, None], np.mean),
        "target_identity": remaining_target_identity(
            own.embeddings, target.embeddings, target_center, source
        ),
    }


def _deviation(
    values: Float32[np.ndarray, "t k"], average: Callable[..., Float32[np.ndarray, "k"]]
) -> Series:
    """Mean absolute deviation from the average over frames; NaN where too few are known."""
    known = np.isfinite(values).all(1)
    if known.sum() < _LEAST_FACES:
        return np.full(len(values), np.nan, np.float32)
    return float32(np.abs(values - average(values[known], axis=0)).mean(1))


def _against_truth(
    own: _Measurements, target: _Measurements, truth: _Measurements
) -> dict[str, Series]:
    kept = _motion_kept(own, truth, target)
    distances = np.linalg.norm((own.meshes - truth.meshes)[..., :2], axis=-1)
    errors = distances / _eye_distance(truth)[:, None]
    return {
        "truth_identity": relative_similarity_to_truth(
            own.embeddings, target.embeddings, truth.embeddings
        ),
        **{f"truth_{name}": kept[name] for name in _TRUTH_MOTION if name in kept},
        **{
            f"truth_{name}": values
            for name, values in _eyes_and_mouth(own, truth, same_person=True).items()
        },
        "truth_landmark_error": errors.mean(1),
        "truth_mouth_error": errors[:, _MOUTH].mean(1),
        "truth_eye_error": errors[:, _EYES].mean(1),
    }


def _position_error(own: _Measurements, target: _Measurements) -> Series:
    """Distance of the point between the eyes from the target's, in eye distances."""
    middles = [version.meshes[:, _EYES, :2].mean(1) for version in (own, target)]
    return float32(np.linalg.norm(middles[0] - middles[1], axis=1) / _eye_distance(target))


def _landmark_jitter(own: _Measurements, target: _Measurements) -> Series:
    """Second temporal difference of the landmarks minus the target's, in eye distances."""
    difference = (own.meshes - target.meshes)[..., :2]
    return float32(_second_difference(difference).mean(-1) / _eye_distance(target))


def _second_difference(values: np.ndarray) -> np.ndarray:
    """Half the length of the second temporal difference; NaN at the ends: [..., k] -> [...]."""
    result = np.full(values.shape[:-1], np.nan, np.float32)
    result[1:-1] = np.linalg.norm(values[1:-1] - (values[2:] + values[:-2]) / 2, axis=-1)
    return result


def _eye_distance(version: _Measurements) -> Series:
    eyes = [version.meshes[:, ring, :2].mean(1) for ring in (EYE_LEFT, EYE_RIGHT)]
    return float32(np.linalg.norm(eyes[1] - eyes[0], axis=1))
