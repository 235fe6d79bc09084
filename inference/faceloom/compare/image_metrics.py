"""The metrics that are computed from pixels, frame by frame."""

import math

import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import float32
from faceloom.color import ChromaSpread
from faceloom.compare.image_similarity import (
    color_difference,
    laplacian_spread,
    psnr,
    structural_similarity,
)
from faceloom.compare.observations import CROP, FaceObservation, FaceRegion, FrameObservation
from faceloom.compare.optical_flow import Flow, OpticalFlow, warp_back
from faceloom.compare.region_metrics import (
    foreign_hair,
    lost_hair,
    occluders_kept,
    uneven_color,
)

# Spread of the Laplacian below which a surface has no detail at all, as in a fade to one color.
_NO_DETAIL = 1e-6
# How much more the chroma of another person's face may vary: natural faces differ by up to 1.7.
_OTHER_CHROMA = 1.25
# Pixels between the eyes in the crop's template.
_EYE_DISTANCE = float(np.linalg.norm(np.diff(CROP.template_xy()[:2], axis=0)))


class ImageMetrics:
    """Measures frames in temporal order; keeps the previous one for the temporal metrics."""

    def __init__(self, truth: int | None):
        """Prepare for the first frame.

        Args:
            truth: Index of the ground truth among the versions; None without one.
        """
        self._flow = OpticalFlow()
        self._truth = truth
        self._previous: FrameObservation | None = None

    def measure(self, observation: FrameObservation) -> list[dict[str, float]]:
        """Measure the next frame.

        Args:
            observation: The frame.

        Returns:
            Per version its metrics by name (see `METRICS`) and the auxiliary values `tint_l`,
            `tint_a`, `tint_b` (mean color minus the target's), `changed` (mean absolute
            difference from the target in levels of 0 to 255) and `occluded` (share of the target's
            face that something stands before).
        """
        previous, self._previous = self._previous, observation
        target = observation.versions[0]
        flow = None
        if previous is not None and previous.frame == observation.frame - 1:
            flow = self._flow.between(target.crop, previous.versions[0].crop)
        rows = []
        for index, version in enumerate(observation.versions):
            row = _against_target(target, version, observation.region)
            row |= _of_regions(target, version, observation.region)
            if previous is not None and flow is not None:
                row["warping_error"] = _warping_error(observation, previous, flow, index)
            if self._truth is not None:
                truth = observation.versions[self._truth]
                row |= self._against_truth(truth, version, observation.region)
            rows.append(row)
        return rows

    def _against_truth(
        self, truth: FaceObservation, version: FaceObservation, region: FaceRegion
    ) -> dict[str, float]:
        inside = region.inside
        flow = self._flow.between(truth.crop, version.crop)
        displacement = float(np.linalg.norm(flow, axis=-1)[inside].mean()) / _EYE_DISTANCE
        aligned = warp_back(version.crop, flow)
        return {
            "truth_sharpness": _sharpness_ratio(version, truth, inside),
            "truth_color_error": color_difference(version.shading, truth.shading, inside),
            "truth_seam": region.boundary.seam_strength(truth.lab, version.lab),
            "truth_aligned_ssim": structural_similarity(aligned, truth.crop, inside),
            "truth_displacement": displacement,
            "truth_ssim": structural_similarity(version.crop, truth.crop, inside),
            "truth_psnr": psnr(version.crop, truth.crop, inside),
        }


def _against_target(
    target: FaceObservation, version: FaceObservation, region: FaceRegion
) -> dict[str, float]:
    inside = region.inside
    own, reference = version.shading[inside], target.shading[inside]
    tint = own.mean(0) - reference.mean(0)
    return {
        "sharpness": _sharpness_ratio(version, target, inside),
        "color_error": float(np.linalg.norm(tint)),
        "chroma_error": _chroma_excess(own, reference),
        "shading_error": float(np.abs(own[:, 0] - reference[:, 0] - tint[0]).mean()),
        "seam": region.boundary.seam_strength(target.lab, version.lab),
        "changed": float(np.abs(version.crop.astype(np.int16) - target.crop)[inside].mean()),
        **{f"tint_{axis}": float(value) for axis, value in zip("lab", tint, strict=True)},
    }


def _of_regions(
    target: FaceObservation, version: FaceObservation, region: FaceRegion
) -> dict[str, float]:
    """Measure hair, occluders and skin; nothing where the regions of a face are not known."""
    before, after, inside = target.layers, version.layers, region.small
    if before is None or after is None:
        return {}
    occluded = float((before.occluder > 0.5)[inside].mean())
    kept = occluders_kept(before, (target.crop, version.crop), inside)
    uneven = uneven_color((before, after), (target.lab, version.lab), inside)
    return {
        "foreign_hair": foreign_hair(before, after, inside),
        "lost_hair": lost_hair(before, after, inside),
        "lost_occluders": 0.0 if kept is None else (1 - kept) * occluded,
        "occluders_kept": math.nan if kept is None else kept,
        "uneven_color": math.nan if uneven is None else uneven,
        "occluded": occluded,
    }


def _chroma_excess(own: Float32[np.ndarray, "n 3"], target: Float32[np.ndarray, "n 3"]) -> float:
    """How much more the chroma varies than another person's would in the target's place.

    What follows lightness as in the target does not count. In gray or toned footage the rest is all
    chroma that the tone does not have, such as pink lips; the mean color does not show it.
    """
    spread = ChromaSpread.measure(target)
    deviation = own - own.mean(0)
    rest = deviation[:, 1:] - deviation[:, :1] * spread.slope
    return max(0.0, float(np.sqrt((rest**2).sum(1).mean())) - _OTHER_CHROMA * spread.rest)


def _sharpness_ratio(
    version: FaceObservation, reference: FaceObservation, inside: Bool[np.ndarray, "s s"]
) -> float:
    """Return the sharpness relative to the reference; NaN where that has no detail."""
    detail = laplacian_spread(reference.crop, inside)
    return laplacian_spread(version.crop, inside) / detail if detail > _NO_DETAIL else math.nan


def _warping_error(
    observation: FrameObservation, previous: FrameObservation, flow: Flow, version: int
) -> float:
    """How much more the skin changes between frames than the target's, along the target's flow.

    W.-S. Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018.
    """
    inside = observation.region.inside
    target, own = (
        _temporal_change(observation, previous, flow, index)[inside].mean()
        for index in (0, version)
    )
    return float(max(own - target, 0))


def _temporal_change(
    observation: FrameObservation, previous: FrameObservation, flow: Flow, version: int
) -> Float32[np.ndarray, "s s"]:
    """Mean absolute change over channels since the previous frame, in levels."""
    before = warp_back(previous.versions[version].crop, flow)
    return float32(np.abs(observation.versions[version].crop.astype(np.int16) - before).mean(-1))
