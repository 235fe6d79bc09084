"""All figures of all versions of a clip, frame by frame, from what was seen of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import float32
from faceloom.compare.expression import (
    FEATURES,
    frontal_mesh,
    movement,
    places_on_face,
    shares_kept,
)
from faceloom.compare.identity_metric import Likeness, other_left, share_of_truth
from faceloom.compare.image_metrics import PictureJudge
from faceloom.compare.metrics import MEASURES, Series
from faceloom.compare.observations import Moment, Signs
from faceloom.faces.landmarks import EYE_LEFT, EYE_RIGHT
from faceloom.faceset.similarity import center_of

# A frame that differs from the target by less was not swapped: in levels (an encoder's noise is about 1), and as
# a part of what the clip's frames usually differ by.
_UNTOUCHED, _UNUSUAL = 1.5, 0.25
# One face alone has not moved, and is where it usually is: it would be perfect in all that is told of a change.
_LEAST_FACES = 2
_EYES = (*EYE_LEFT, *EYE_RIGHT)
_MOUTH = FEATURES["mouth"][0].points


@dataclass(frozen=True, slots=True)
class References:
    """Whose face is wanted, and the identity vector of the person in the target; None where it is not known."""

    wanted: Likeness | None
    other: Float32[np.ndarray, "192"] | None


@dataclass(frozen=True, slots=True)
class _Columns:
    """The signs of one version, an array each over the frames."""

    meshes: Float32[np.ndarray, "t 468 3"]
    angles: Float32[np.ndarray, "t 3"]
    vectors: Float32[np.ndarray, "t 192"]
    gazes: Float32[np.ndarray, "t 2"]

    @classmethod
    def of(cls, signs: list[Signs]) -> "_Columns":
        return cls(
            *(
                np.stack([getattr(s, name) for s in signs])
                for name in ("mesh", "angles", "vector", "gaze")
            )
        )

    @property
    def seen(self) -> Bool[np.ndarray, "t"]:
        return np.asarray(np.isfinite(self.meshes[:, 0, 0]))


class Clip:
    """Takes a clip's moments in order; tells each version's series."""

    def __init__(self, truth: int | None = None):
        """`truth`: which version is the exact truth, if any."""
        self.frames: list[int] = []
        self._truth = truth
        self._judge = PictureJudge(truth)
        self._signs: list[list[Signs]] = []
        self._rows: list[list[dict[str, float]]] = []

    def add(self, moment: Moment) -> None:
        """Take the next moment."""
        self.frames.append(moment.frame)
        self._signs.append([seen.signs for seen in moment.versions])
        self._rows.append(self._judge.judge(moment))

    def series(self, version: int, references: References) -> dict[str, Series]:
        """Return every figure that can be told of a version, by the names of MEASURES."""
        own, target = self._columns(version), self._columns(0)
        told = {
            **self._pictures(version),
            **_performance(own, target),
            **_identity(own, target, references),
            "place": _out_of_place(own, target),
            "jitter": self._where_consecutive(_tremble(own, target)),
            "flicker": self._where_consecutive(self._flicker(version)),
            "dropped": self._dropped(version, own),
        }
        if self._truth is not None:
            told |= _against_truth(own, target, self._columns(self._truth))
        return {measure.name: told[measure.name] for measure in MEASURES if measure.name in told}

    def _columns(self, version: int) -> _Columns:
        return _Columns.of([signs[version] for signs in self._signs])

    def _row(self, version: int, name: str) -> Series:
        return float32([row[version].get(name, np.nan) for row in self._rows])

    def _pictures(self, version: int) -> dict[str, Series]:
        names = {name for row in self._rows for name in row[version]}
        return {name: self._row(version, name) for name in names}

    def _flicker(self, version: int) -> Series:
        """How far the mean color, less the target's, is from the mean of the frame before and after."""
        tint = np.stack([self._row(version, f"tint_{axis}") for axis in "lab"], 1)
        return _second_difference(tint)

    def _dropped(self, version: int, own: _Columns) -> Series:
        changed = self._row(version, "changed")
        least = max(_UNTOUCHED, _UNUSUAL * float(np.median(changed)))
        return float32((changed < least) | ~own.seen)

    def _where_consecutive(self, series: Series) -> Series:
        """Drop what compares three frames where these do not follow each other."""
        frames = np.array(self.frames)
        alone = np.ones(len(frames), bool)
        alone[1:-1] = frames[2:] - frames[:-2] != 2
        return float32(np.where(alone, np.nan, series))


def _shares_kept(own: _Columns, wanted: _Columns, target: _Columns) -> dict[str, Series]:
    """How much of the movement of `wanted` is kept, seen by the turn of the target's head."""
    seen = own.seen & wanted.seen
    if seen.sum() < _LEAST_FACES:
        return {}
    reference = frontal_mesh(target.meshes, target.angles)
    moved = [
        movement(places_on_face(columns.meshes, reference), target.angles, seen)
        for columns in (own, wanted)
    ]
    return shares_kept(moved[0], moved[1])


def _performance(own: _Columns, target: _Columns) -> dict[str, Series]:
    return {
        **_shares_kept(own, target, target),
        "gaze": _off_usual(own.gazes - target.gazes, np.median),
        "pose": _off_usual(own.angles - target.angles, np.median),
    }


def _identity(own: _Columns, target: _Columns, references: References) -> dict[str, Series]:
    if references.wanted is None:
        return {}
    share = references.wanted.share(own.vectors, target.vectors)
    other = references.other
    if other is None:
        other = center_of(target.vectors[target.seen])
    return {
        "identity": share,
        "drift": _off_usual(share[:, None], np.mean),
        "other": other_left(own.vectors, target.vectors, other, references.wanted),
    }


def _off_usual(
    values: Float32[np.ndarray, "t k"], usual: Callable[..., Float32[np.ndarray, "k"]]
) -> Series:
    """Return how far each frame's values are from their usual ones; NaN throughout where too few frames are known."""
    known = np.isfinite(values).all(1)
    if known.sum() < _LEAST_FACES:
        return np.full(len(values), np.nan, np.float32)
    return float32(np.abs(values - usual(values[known], axis=0)).mean(1))


def _against_truth(own: _Columns, target: _Columns, truth: _Columns) -> dict[str, Series]:
    kept = _shares_kept(own, truth, target)
    off = (
        np.linalg.norm((own.meshes - truth.meshes)[..., :2], axis=-1)
        / _eye_distance(truth)[:, None]
    )
    return {
        "truth_identity": share_of_truth(own.vectors, target.vectors, truth.vectors),
        **({"truth_expression": kept["expression"]} if kept else {}),
        "truth_landmarks": off.mean(1),
        "truth_mouth": off[:, _MOUTH].mean(1),
        "truth_eyes": off[:, _EYES].mean(1),
    }


def _out_of_place(own: _Columns, target: _Columns) -> Series:
    """How far the middle between the eyes lies from the target's, in eye distances."""
    middles = [columns.meshes[:, _EYES, :2].mean(1) for columns in (own, target)]
    return float32(np.linalg.norm(middles[0] - middles[1], axis=1) / _eye_distance(target))


def _tremble(own: _Columns, target: _Columns) -> Series:
    """How far the landmarks, less the target's, are from the mean of the frame before and after, in eye distances."""
    off = (own.meshes - target.meshes)[..., :2]
    return float32(_second_difference(off).mean(-1) / _eye_distance(target))


def _second_difference(values: np.ndarray) -> np.ndarray:
    """Half the length of the second difference over time; NaN at the ends: [t, ..., k] -> [t, ...]."""
    result = np.full(values.shape[:-1], np.nan, np.float32)
    result[1:-1] = np.linalg.norm(values[1:-1] - (values[2:] + values[:-2]) / 2, axis=-1)
    return result


def _eye_distance(columns: _Columns) -> Series:
    eyes = [columns.meshes[:, ring, :2].mean(1) for ring in (EYE_LEFT, EYE_RIGHT)]
    return float32(np.linalg.norm(eyes[1] - eyes[0], axis=1))
