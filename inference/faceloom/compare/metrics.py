"""The metrics of a swap: definitions, means over frames, standard errors, worst frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float32

# A metric per compared frame; NaN where it is undefined.
Series: TypeAlias = Float32[np.ndarray, "t"]

# Consecutive frames are correlated; the means of this many batches are nearly independent.
_BATCHES = 10
# Worst frames that a summary lists.
_WORST_FRAMES = 3
# Worst frames are at least one part of so many of the clip apart.
_WORST_SPACING = 12


@dataclass(frozen=True, slots=True)
class Metric:
    """The definition of a metric."""

    name: str
    """Key in JSON."""
    title: str
    """Name in tables and reports."""
    unit: str
    """Unit, or the meaning of the scale."""
    best: float
    """Value of a perfect swap."""
    reference: Literal["target", "truth"] = "target"
    """What the swap is measured against: the target or the ground truth."""


METRICS = (
    Metric("identity", "identity similarity", "0 target, 1 real picture", 1),
    Metric("target_identity", "target identity left", "1 target, 0 none", 0),
    Metric("expression", "expression kept", "R squared", 1),
    Metric("followed_motion", "motion followed", "R squared without excess", 1),
    Metric("mouth_motion", "mouth motion kept", "R squared", 1),
    Metric("eye_motion", "eye motion kept", "R squared", 1),
    Metric("brow_motion", "brow motion kept", "R squared", 1),
    Metric("lid_error", "lid opening error", "share of open eyes", 0),
    Metric("shut_eyes_kept", "shut eyes kept", "share of such frames", 1),
    Metric("gaze_error", "gaze error", "eye widths", 0),
    Metric("mouth_opening_error", "mouth opening error", "eye widths", 0),
    Metric("mouth_shape", "mouth shape kept", "R squared", 1),
    Metric("head_pose_error", "head pose error", "degrees", 0),
    Metric("sharpness", "sharpness ratio", "1 as the target", 1),
    Metric("color_error", "color error", "Delta E", 0),
    Metric("chroma_error", "excess of chroma", "Delta E", 0),
    Metric("shading_error", "shading error", "L*", 0),
    Metric("uneven_color", "uneven color of the skin", "Delta E", 0),
    Metric("seam", "seam strength", "Lab per pixel", 0),
    Metric("foreign_hair", "hair on the target's skin", "share of the face", 0),
    Metric("lost_hair", "skin on the target's hair", "share of the face", 0),
    Metric("occluders_kept", "occluders kept", "share of their pixels", 1),
    Metric("lost_occluders", "occluders painted over", "share of the face", 0),
    Metric("position_error", "position error", "eye distances", 0),
    Metric("landmark_jitter", "landmark jitter", "eye distances", 0),
    Metric("warping_error", "temporal warping error", "levels", 0),
    Metric("color_flicker", "color flicker", "Delta E", 0),
    Metric("identity_deviation", "temporal identity deviation", "of identity", 0),
    Metric("unswapped_frames", "unswapped frames", "share", 0),
    Metric("truth_identity", "identity similarity", "0 target, 1 truth", 1, "truth"),
    Metric("truth_expression", "expression kept", "R squared", 1, "truth"),
    Metric("truth_followed_motion", "motion followed", "R squared without excess", 1, "truth"),
    Metric("truth_lid_error", "lid opening error", "share of open eyes", 0, "truth"),
    Metric("truth_shut_eyes_kept", "shut eyes kept", "share of such frames", 1, "truth"),
    Metric("truth_gaze_error", "gaze error", "eye widths", 0, "truth"),
    Metric("truth_mouth_opening_error", "mouth opening error", "eye widths", 0, "truth"),
    Metric("truth_mouth_shape", "mouth shape kept", "R squared", 1, "truth"),
    Metric("truth_landmark_error", "landmark error", "eye distances", 0, "truth"),
    Metric("truth_mouth_error", "mouth landmark error", "eye distances", 0, "truth"),
    Metric("truth_eye_error", "eye landmark error", "eye distances", 0, "truth"),
    Metric("truth_sharpness", "sharpness ratio", "1 as the truth", 1, "truth"),
    Metric("truth_color_error", "color error", "Delta E", 0, "truth"),
    Metric("truth_seam", "seam strength", "Lab per pixel", 0, "truth"),
    Metric("truth_aligned_ssim", "SSIM after flow alignment", "1 equal", 1, "truth"),
    Metric("truth_displacement", "optical flow displacement", "eye distances", 0, "truth"),
    Metric("truth_ssim", "SSIM (favors blur)", "1 equal", 1, "truth"),
    Metric("truth_psnr", "PSNR (favors blur)", "dB", 60, "truth"),
)
METRICS_BY_NAME = {metric.name: metric for metric in METRICS}


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """A metric over all compared frames."""

    name: str
    """Name of the metric, a key of METRICS_BY_NAME."""
    mean: float
    """Mean over the frames where the metric is defined."""
    standard_error: float | None
    """Standard error of the mean; None for fewer than two frames."""
    worst_frames: tuple[int, ...]
    """Indices of the frames furthest from the best value, the worst first."""


def summarize_metric(name: str, series: Series, frames: Sequence[int]) -> MetricSummary | None:
    """Summarize a metric over all frames.

    Args:
        name: Name of the metric.
        series: Its value per frame; NaN where undefined.
        frames: Frame indices, as many as values.

    Returns:
        The summary, or None if the metric is undefined in every frame.
    """
    known = np.isfinite(series)
    if not known.any():
        return None
    values, indices = series[known], np.asarray(frames)[known]
    order = np.argsort(-np.abs(values - METRICS_BY_NAME[name].best), kind="stable")
    return MetricSummary(
        name,
        float(values.mean()),
        standard_error(values),
        tuple(int(index) for index in indices[_first_spaced(order)]),
    )


def standard_error(values: Series) -> float | None:
    """Return the standard error of the mean of a time series, by batch means.

    Law, "Simulation modeling and analysis", chapter 9. Consecutive frames are correlated, so
    that the spread divided by the root of their number would be too small.

    Args:
        values: Values in temporal order, without NaN.

    Returns:
        The standard error; None for fewer than two values.
    """
    if len(values) < 2:
        return None
    means = [batch.mean() for batch in np.array_split(values, min(_BATCHES, len(values)))]
    return float(np.std(means, ddof=1) / np.sqrt(len(means)))


def _first_spaced(order: np.ndarray) -> list[int]:
    """Pick the first positions that are not neighbors: consecutive frames show one fault."""
    picked: list[int] = []
    distance = max(1, len(order) // _WORST_SPACING)
    for position in order.tolist():
        if len(picked) < _WORST_FRAMES and all(abs(position - p) >= distance for p in picked):
            picked.append(position)
    return picked
