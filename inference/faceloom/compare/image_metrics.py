"""The figures that are read off the pictures, moment by moment."""

import math

import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import float32
from faceloom.compare.image_similarity import (
    color_difference,
    fine_detail,
    peak_signal_to_noise,
    structural_similarity,
)
from faceloom.compare.observations import CROP, Moment, Region, Seen
from faceloom.compare.optical_flow import Flow, OpticalFlow, moved_back

# The spread of the Laplacian of a surface without any detail: only a fade to one color has so little.
_EVEN = 1e-6
# Pixels between the eyes of the crop's template.
_EYES_APART = float(np.linalg.norm(np.diff(CROP.template_xy()[:2], axis=0)))


class PictureJudge:
    """Judges moments in their order; it remembers the last one, for what changes over time."""

    def __init__(self, truth: int | None):
        """`truth`: which version is the exact truth, if any."""
        self._flow = OpticalFlow()
        self._truth = truth
        self._last: Moment | None = None

    def judge(self, moment: Moment) -> list[dict[str, float]]:
        """Return for each version its figures by name (see `MEASURES`), and `tint` and `changed`.

        tint_l, tint_a, tint_b: mean color less the target's. changed: mean difference from the target in levels.
        """
        last, self._last = self._last, moment
        target = moment.versions[0]
        follows = last is not None and last.frame == moment.frame - 1
        back = self._flow.between(target.crop, last.versions[0].crop) if last and follows else None
        rows = []
        for number, seen in enumerate(moment.versions):
            row = _against_target(target, seen, moment.region)
            if last is not None and back is not None:
                row["shimmer"] = self._shimmer(moment, last, back, number)
            if self._truth is not None:
                row |= self._against_truth(moment.versions[self._truth], seen, moment.region)
            rows.append(row)
        return rows

    def _shimmer(self, moment: Moment, last: Moment, back: Flow, number: int) -> float:
        """How much more the skin changes from frame to frame than the target's does, along its movement."""
        inside = moment.region.inside
        target, seen = (
            _change(moment, last, back, version)[inside].mean() for version in (0, number)
        )
        return float(max(seen - target, 0))

    def _against_truth(self, truth: Seen, seen: Seen, region: Region) -> dict[str, float]:
        inside = region.inside
        flow = self._flow.between(truth.crop, seen.crop)
        return {
            "truth_sharpness": _share_of_detail(seen, truth, inside),
            "truth_color": color_difference(seen.tones, truth.tones, inside),
            "truth_seam": region.rim.seam(truth.lab, seen.lab),
            "truth_aligned": structural_similarity(moved_back(seen.crop, flow), truth.crop, inside),
            "truth_flow": float(np.linalg.norm(flow, axis=-1)[inside].mean()) / _EYES_APART,
            "truth_ssim": structural_similarity(seen.crop, truth.crop, inside),
            "truth_psnr": peak_signal_to_noise(seen.crop, truth.crop, inside),
        }


def _against_target(target: Seen, seen: Seen, region: Region) -> dict[str, float]:
    inside = region.inside
    own, wanted = seen.tones[inside], target.tones[inside]
    tint = own.mean(0) - wanted.mean(0)
    return {
        "sharpness": _share_of_detail(seen, target, inside),
        "color": float(np.linalg.norm(tint)),
        "light": float(np.abs(own[:, 0] - wanted[:, 0] - tint[0]).mean()),
        "seam": region.rim.seam(target.lab, seen.lab),
        "changed": float(np.abs(seen.crop.astype(np.int16) - target.crop)[inside].mean()),
        **{f"tint_{axis}": float(value) for axis, value in zip("lab", tint, strict=True)},
    }


def _share_of_detail(seen: Seen, wanted: Seen, inside: Bool[np.ndarray, "s s"]) -> float:
    """Return how sharp a face is against the wanted one; NaN where that is an even surface."""
    detail = fine_detail(wanted.crop, inside)
    return fine_detail(seen.crop, inside) / detail if detail > _EVEN else math.nan


def _change(moment: Moment, last: Moment, back: Flow, version: int) -> Float32[np.ndarray, "s s"]:
    """Mean over channels of what changed since the last moment, in levels: [s, s]."""
    before = moved_back(last.versions[version].crop, back)
    return float32(np.abs(moment.versions[version].crop.astype(np.int16) - before).mean(-1))
