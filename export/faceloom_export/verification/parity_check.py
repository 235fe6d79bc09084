"""The parity check: compare an exported graph with the trained model and apply limits."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Points, RgbBatch
from faceloom.choices import Precision
from faceloom.compare.image_similarity import structural_similarity
from faceloom.faces.face_recognition import MobileFaceNet
from faceloom.swap.bundle.manifest import LimitsRow, ParityRow, ToleranceRow
from faceloom.swap.bundle.output_difference import OutputDifference, compare_outputs
from faceloom.swap.inference.swap_network import SwapNetwork
from faceloom.swap.sources.face_source import Predictions
from faceloom_export.graph.tensor_names import MASK, SWAPPED

# fp32 may differ by rounding, fp16 by its resolution; int8 is limited by what is visible alone.
LIMITS: Mapping[Precision, LimitsRow] = {
    "fp32": LimitsRow(
        levels=1,
        min_share_within=0.9999,
        max_mean_difference=0.1,
        min_ssim=0.999,
        max_identity_drop=0.005,
    ),
    "fp16": LimitsRow(
        levels=2,
        min_share_within=0.9999,
        max_mean_difference=0.5,
        min_ssim=0.995,
        max_identity_drop=0.01,
    ),
    "int8": LimitsRow(
        levels=255,
        min_share_within=1,
        max_mean_difference=2,
        min_ssim=0.985,
        max_identity_drop=0.02,
    ),
}
# Faces that a network runs at once; it bounds the memory.
_BATCH_SIZE = 8
# Mask level, 0..255, from which a pixel counts as inside the face.
_INSIDE = 128


def run_model(function: Any, faces: RgbBatch) -> Predictions:
    """Return the trained model's predictions for faces.

    Args:
        function: The result of `build_swap_function`.
        faces: Crops of the network's size.
    """
    batches = [function(faces[i : i + _BATCH_SIZE]) for i in range(0, len(faces), _BATCH_SIZE)]
    swapped, masks = (
        np.concatenate([batch[name].numpy() for batch in batches]) for name in (SWAPPED, MASK)
    )
    return Predictions(swapped, masks[..., 0])


class ParityChecker:
    """Compares graphs with the trained model's predictions for the same faces."""

    def __init__(
        self,
        faces: RgbBatch,
        reference: Predictions,
        points_xy: Points,
        identity_center: Float32[np.ndarray, "192"],
    ):
        """Prepare the comparison.

        Args:
            faces: Crops of the network's size.
            reference: The trained model's predictions for them.
            points_xy: The five points in pixels of every crop.
            identity_center: Mean embedding of the exported identity.
        """
        self._faces = faces
        self._reference = reference
        self._points_xy = points_xy
        self._identity_center = identity_center
        self._embedder = MobileFaceNet()
        self._identity_similarity = self._similarity_to_identity(reference.faces)

    def check(self, network: SwapNetwork) -> tuple[ParityRow, list[str]]:
        """Run a network on the faces and compare it with the trained model.

        Args:
            network: The exported graph in the runtime.

        Returns:
            The measurements, and a clause for each limit of the network's precision that is
            exceeded.
        """
        actual = self._predict(network)
        reference = self._reference
        difference = compare_outputs(actual.faces, actual.masks, reference.faces, reference.masks)
        similarity = self._similarity_to_identity(actual.faces)
        parity = ParityRow(
            faces=len(self._faces),
            max_difference=difference.max,
            mean_difference=difference.mean,
            share_within_1=difference.share_within(1),
            share_within_2=difference.share_within(2),
            ssim=self._mean_ssim(actual.faces),
            identity_similarity=self._identity_similarity,
            identity_drop=self._identity_similarity - similarity,
            limits=LIMITS[network.precision],
        )
        violations = [*difference.violations(parity.limits), *_quality_violations(parity)]
        return parity, violations

    def _predict(self, network: SwapNetwork) -> Predictions:
        batches = [
            network.swap(self._faces[i : i + _BATCH_SIZE])
            for i in range(0, len(self._faces), _BATCH_SIZE)
        ]
        return Predictions(
            np.concatenate([batch.faces for batch in batches]),
            np.concatenate([batch.masks for batch in batches]),
        )

    def _mean_ssim(self, faces: RgbBatch) -> float:
        """Return the mean SSIM inside the trained model's mask, or everywhere if it is empty."""
        reference = self._reference
        values = []
        for face, expected, mask in zip(faces, reference.faces, reference.masks, strict=True):
            inside = mask >= _INSIDE
            region = inside if inside.any() else np.ones_like(inside)
            values.append(structural_similarity(face, expected, region))
        return float(np.mean(values))

    def _similarity_to_identity(self, faces: RgbBatch) -> float:
        """Return the mean cosine of faces to the identity's center."""
        embeddings = self._embedder.embed(list(faces), [self._points_xy] * len(faces))
        return float((embeddings @ self._identity_center).mean())


def _quality_violations(parity: ParityRow) -> Iterator[str]:
    """Describe how SSIM and identity exceed their limits."""
    limits = parity.limits
    if parity.ssim < limits.min_ssim:
        yield f"the SSIM is {parity.ssim:.4f} and must be {limits.min_ssim:.6g}"
    if parity.identity_drop > limits.max_identity_drop:
        yield (
            f"the identity similarity is {parity.identity_drop:.4f} lower "
            f"and at most {limits.max_identity_drop:.6g} is allowed"
        )


def tolerance_for(parity: ParityRow, replay: OutputDifference) -> ToleranceRow:
    """Return the tolerance for replays of the golden sample on other machines.

    Args:
        parity: The graph's parity check.
        replay: The difference of a replay on this machine.

    Returns:
        The limits of the parity check or, if a violation was accepted, the measured difference.
    """
    limits = parity.limits
    if not parity.accepted_violations:
        return limits.tolerance()
    # One level and a tenth more than measured, as another machine may round differently.
    return ToleranceRow(
        levels=min(255, max(limits.levels, replay.max + 1)),
        min_share_within=limits.min_share_within,
        max_mean_difference=max(limits.max_mean_difference, 1.1 * replay.mean + 0.1),
    )
