"""Evaluate a model on validation faces while it trains.

There are two kinds of results. For each identity: how well its own decoder reconstructs its faces.
For each ordered pair of identities: the metrics of `faceloom compare` for the swap, and how well a
face survives being swapped and swapped back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, to_uint8
from faceloom.compare import TARGET, compare_frames, load_identity_references
from faceloom.compare.image_similarity import structural_similarity
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom_train.data.dataset import network_crop
from faceloom_train.data.holdout import ValidationFace, load_validation_faces, stack_crops
from faceloom_train.model.inference import swap_faces
from faceloom_train.model.optimizer import averaged_weights
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.runs.run_directory import Run

# The metrics of a swap that reports show, by their keys in the metrics' rows.
SWAP_METRICS = ("score", "identity", "expression", "sharpness", "cycle_ssim")
# Those of `faceloom compare` that are measured; reports do not show all.
_COMPARED_METRICS = ("identity", "expression", "followed_motion", "sharpness")
# Keys that mark a row of the metrics as a swap's or a reconstruction's; their values name it.
SWAP = "swap"
# Key of the number of faces that a swap's row is measured on.
FACES = "faces"
RECONSTRUCTION = "reconstruction"
# Decimals of a metric in a row.
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class SwapEvaluation:
    """The metrics of the validation faces of one identity, swapped to another."""

    target: str
    """The identity whose faces are replaced."""
    source: str
    """The identity whose decoder is used."""
    score: float
    """The score of `faceloom compare` without stability, times `detection_rate`, 0 to 100."""
    identity: float | None
    """Metric of `faceloom compare`; None if no face is detected in the swaps."""
    expression: float | None
    """Metric of `faceloom compare`; None if fewer than two faces are detected in the swaps."""
    sharpness: float | None
    """Metric of `faceloom compare`; None if no face is detected in the swaps."""
    cycle_ssim: float
    """SSIM, inside the face, between a face and itself swapped to `source` and back to `target`."""
    detection_rate: float
    """Fraction of the faces that are detected after the swap, 0 to 1."""
    faces: int
    """How many validation faces were swapped."""
    followed_motion: float | None = None
    """Metric of `faceloom compare`; None if fewer than two faces are detected in the swaps."""

    @property
    def subject(self) -> str:
        """The evaluated swap, such as "ada as ben"."""
        return f"{self.target} as {self.source}"

    def values(self) -> Mapping[str, float | None]:
        """Return the metrics by name, rounded."""
        names = (*SWAP_METRICS, "followed_motion", "detection_rate")
        return {name: _rounded(getattr(self, name)) for name in names}

    def to_row(self) -> Mapping[str, str | float | None]:
        """Return the row for the run's metrics, without its step."""
        return {SWAP: self.subject, **self.values(), FACES: self.faces}

    def to_text(self) -> str:
        """Return a one-line description."""
        metrics = [(name, getattr(self, name)) for name in SWAP_METRICS[1:]]
        parts = [
            f"{name.replace('_', ' ')} {value:.2f}" for name, value in metrics if value is not None
        ]
        if self.detection_rate < 1:
            parts.append(f"{100 * (1 - self.detection_rate):.0f} % of the faces not detected")
        return f"{self.subject}: score {self.score:.1f} ({', '.join(parts)})"


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """How well an identity's own decoder reconstructs its validation faces."""

    subject: str
    """The identity."""
    ssim: float
    """Mean SSIM between the faces and their reconstructions, inside the face."""

    def values(self) -> Mapping[str, float | None]:
        """Return the metrics by name, rounded."""
        return {"ssim": _rounded(self.ssim)}

    def to_row(self) -> Mapping[str, str | float | None]:
        """Return the row for the run's metrics, without its step."""
        return {RECONSTRUCTION: self.subject, **self.values()}

    def to_text(self) -> str:
        """Return a one-line description."""
        return f"reconstruction of {self.subject}: SSIM {self.ssim:.2f}"


EvaluationResult: TypeAlias = SwapEvaluation | Reconstruction


class Evaluator:
    """Evaluates models on the validation faces of a run, in both directions of every pair."""

    def __init__(self, run: Run):
        """Read the validation faces.

        Args:
            run: The run.

        Raises:
            ArtifactRefused: A face set cannot be read.
        """
        self._crop = network_crop(run.settings)
        sets = {name: FaceSet.read(path) for name, path in run.faces.items()}
        self._faces = {
            name: load_validation_faces(faces, run.settings) for name, faces in sets.items()
        }
        self._references = {
            name: load_identity_references(faces, None) for name, faces in sets.items()
        }

    @property
    def count(self) -> int:
        """How many results an evaluation has."""
        return sum(len(self._faces) for faces in self._faces.values() if faces)

    def evaluate(self, model: SwapModel) -> Iterator[EvaluationResult]:
        """Evaluate a model with its averaged weights (EMA), which are what is exported.

        Args:
            model: The compiled model; its weights are the same afterwards.

        Yields:
            The reconstruction of each identity, then the swap of each ordered pair.

        Raises:
            NoFaceFound: No face is detected in any of an identity's validation faces.
        """
        names = list(self._faces)
        with averaged_weights(model):
            for index, name in enumerate(names):
                if self._faces[name]:
                    predictions = swap_faces(model, *stack_crops(self._faces[name]), index)
                    yield Reconstruction(name, self._ssim(name, predictions))
            for target, source in permutations(names, 2):
                if self._faces[target]:
                    yield self._evaluate_swap(
                        model, (target, names.index(target)), (source, names.index(source))
                    )

    def _evaluate_swap(
        self, model: SwapModel, target: tuple[str, int], source: tuple[str, int]
    ) -> SwapEvaluation:
        """Evaluate a swap; `target` and `source` are names with the indices of their decoders."""
        faces = self._faces[target[0]]
        rgb, mask = stack_crops(faces)
        swapped = swap_faces(model, rgb, mask, source[1])
        cycled = swap_faces(model, np.clip(swapped[..., :3], 0, 1), mask, target[1])
        # Frame indices with gaps: the faces are stills, not consecutive frames.
        frames = [
            (2 * index, (face.image, face.paste(prediction, self._crop)))
            for index, (face, prediction) in enumerate(zip(faces, swapped, strict=True))
        ]
        no_face = f"No face is detected in the validation faces of {target[0]}"
        references = self._references[source[0]]
        # Hair and hands are kept by a conversion, not by the network that is judged here. Lids and
        # gaze are read by networks that are kept for the final judge: training stops and keeps
        # checkpoints by this score.
        judged = compare_frames(frames, (TARGET, SWAP), references, no_face, detailed=False)
        compared = run_to_completion(judged)
        version = compared.comparison.versions[1]
        detection_rate = float(np.isfinite(compared.series[SWAP]["position_error"]).mean())
        metrics = {
            name: summary.mean if (summary := version.metric(name)) else None
            for name in _COMPARED_METRICS
        }
        # Faces that are not detected have no metrics; they count as a score of 0.
        score = detection_rate * version.score.value if version.score else 0.0
        return SwapEvaluation(
            target[0],
            source[0],
            score,
            cycle_ssim=self._ssim(target[0], cycled),
            detection_rate=detection_rate,
            faces=len(faces),
            **metrics,
        )

    def _ssim(self, name: str, predictions: Float32[np.ndarray, "n s s 4"]) -> float:
        pairs = zip(self._faces[name], to_uint8(predictions[..., :3] * 255), strict=True)
        return float(np.mean([_face_ssim(face, prediction) for face, prediction in pairs]))


def mean_score(results: Sequence[EvaluationResult]) -> float | None:
    """Return the mean score of all swaps; None if there are none.

    Args:
        results: The results of an evaluation.
    """
    scores = [result.score for result in results if isinstance(result, SwapEvaluation)]
    return float(np.mean(scores)) if scores else None


def _face_ssim(face: ValidationFace, prediction: Rgb) -> float:
    """Return the SSIM inside the face."""
    real = to_uint8(face.rgb_mask[..., :3] * 255)
    # SSIM's windows at the edge of the face include pixels outside, which are not predicted.
    inside = face.face_mask
    return structural_similarity(np.where(inside[..., None], prediction, real), real, inside)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)
