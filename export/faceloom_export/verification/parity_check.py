"""What a graph keeps of the trained model, held against limits."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Points, RgbBatch
from faceloom.compare.image_similarity import structural_similarity
from faceloom.faces.face_recognition import MobileFaceNet
from faceloom.swap.bundle.manifest import LimitsRow, Precision, ProofRow, ToleranceRow
from faceloom.swap.bundle.output_difference import Difference, difference_of
from faceloom.swap.inference.swap_network import SwapNetwork
from faceloom.swap.sources.face_source import Swapped
from faceloom_export.graph.tensor_names import MASK, SWAPPED

# fp32 may round another way, fp16 be as much off as its numbers are coarse; of int8 only what is seen counts.
LIMITS: Mapping[Precision, LimitsRow] = {
    "fp32": LimitsRow(
        levels=1, share_within=0.9999, mean_difference=0.1, similarity=0.999, identity_loss=0.005
    ),
    "fp16": LimitsRow(
        levels=2, share_within=0.9999, mean_difference=0.5, similarity=0.995, identity_loss=0.01
    ),
    "int8": LimitsRow(
        levels=255, share_within=1, mean_difference=2, similarity=0.985, identity_loss=0.02
    ),
}
# Faces that go through a network together.
_BATCH = 8
# The mask's level from which a pixel counts as drawn.
_INSIDE = 128


def run_model(function: Any, faces: RgbBatch) -> Swapped:
    """Return what the trained model (see `swap_function`) makes of faces."""
    drawn = [function(faces[i : i + _BATCH]) for i in range(0, len(faces), _BATCH)]
    swapped, masks = (
        np.concatenate([part[name].numpy() for part in drawn]) for name in (SWAPPED, MASK)
    )
    return Swapped(swapped, masks[..., 0])


class Judge:
    """Holds graphs against what the trained model made of the same faces.

    wanted: its faces and masks. points_xy: the five points of each crop. center: whom the faces should resemble.
    """

    def __init__(
        self,
        faces: RgbBatch,
        wanted: Swapped,
        points_xy: Points,
        center: Float32[np.ndarray, "192"],
    ):
        self._faces, self._wanted = faces, wanted
        self._points_xy, self._center = points_xy, center
        self._embedder = MobileFaceNet()
        self._identity = self._identity_of(wanted.faces)

    def prove(self, network: SwapNetwork) -> tuple[ProofRow, list[str]]:
        """Replay the faces; return the figures, and each limit of the network's precision that they miss."""
        drawn = self._replay(network)
        difference = difference_of(drawn.faces, drawn.masks, self._wanted.faces, self._wanted.masks)
        proof = ProofRow(
            faces=len(self._faces),
            max_difference=difference.greatest,
            mean_difference=difference.mean,
            within_one=difference.share_within(1),
            within_two=difference.share_within(2),
            similarity=self._similarity(drawn.faces),
            identity=self._identity,
            identity_loss=self._identity - self._identity_of(drawn.faces),
            limits=LIMITS[network.precision],
        )
        return proof, [*difference.beyond(proof.limits), *_lost(proof)]

    def _replay(self, network: SwapNetwork) -> Swapped:
        parts = [
            network.swap(self._faces[i : i + _BATCH]) for i in range(0, len(self._faces), _BATCH)
        ]
        return Swapped(
            np.concatenate([part.faces for part in parts]),
            np.concatenate([part.masks for part in parts]),
        )

    def _similarity(self, drawn: RgbBatch) -> float:
        """Mean SSIM inside the trained model's mask, or everywhere where it draws none."""
        values = []
        for face, wanted, mask in zip(drawn, self._wanted.faces, self._wanted.masks, strict=True):
            inside = mask >= _INSIDE
            values.append(
                structural_similarity(
                    face, wanted, inside if inside.any() else np.ones_like(inside)
                )
            )
        return float(np.mean(values))

    def _identity_of(self, faces: RgbBatch) -> float:
        """Mean cosine of drawn faces to the person's center."""
        embeddings = self._embedder.embed(list(faces), [self._points_xy] * len(faces))
        return float((embeddings @ self._center).mean())


def _lost(proof: ProofRow) -> Iterator[str]:
    """Say what of likeness and identity is lost beyond the limits."""
    limits = proof.limits
    if proof.similarity < limits.similarity:
        yield f"the SSIM is {proof.similarity:.4f} and must be {limits.similarity:.6g}"
    if proof.identity_loss > limits.identity_loss:
        yield f"the identity is {proof.identity_loss:.4f} lower and at most {limits.identity_loss:.6g} is allowed"


def tolerance_for(proof: ProofRow, replayed: Difference) -> ToleranceRow:
    """Return what a replay of the golden sample is held to: the limits or, where a loss was accepted, that loss."""
    limits = proof.limits
    if not proof.accepted:
        return limits.tolerance()
    # Another machine may round another way on top.
    return ToleranceRow(
        levels=min(255, max(limits.levels, replayed.greatest + 1)),
        share_within=limits.share_within,
        mean_difference=max(limits.mean_difference, 1.1 * replayed.mean + 0.1),
    )
