"""One score per swap, to rank runs, and the components that make it up.

The score is the identity component times the weighted mean of the others: an unchanged target
scores 0, and so does a perfect picture of somebody else. A face that moves little is no swap
either, however sharp: below a followed motion of 0.3 the score falls, to 0 at 0.15. What is
painted before or behind the wrong thing gives a swap away at first sight: occlusion multiplies too.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from faceloom.compare.metrics import MetricSummary

# Components that multiply the weighted mean of the others.
FACTORS = ("identity", "occlusion")
# Weight of each of the other components; they are divided by the sum of those that are defined.
COMPONENT_WEIGHTS = {
    "expression": 0.5,
    "eyes": 0.1,
    "sharpness": 0.15,
    "color": 0.1,
    "seam": 0.05,
    "position": 0.05,
    "stability": 0.15,
}
# Followed motion at which the score is 0. The frozen faces of four pairs follow up to 0.02; the
# rest is a margin for the noise of short clips.
_FROZEN_MOTION = 0.15
# Followed motion from which the score is not lowered for want of it; in between, in proportion.
_FULL_MOTION = 0.3
# Scales: the metric at which its component falls to 1/e; such an error is plainly visible.
# Share of open eyes: the lids of a swap that never blinks are off by 0.1 on average.
_LID_SCALE = 0.2
# Eye widths: a third of what the irises move when the eyes turn.
_GAZE_SCALE = 0.08
# Share of the eyes' component that a swap keeps whose eyes are never shut.
_NEVER_SHUT = 0.5
# Delta E.
_COLOR_SCALE = 20.0
# L*.
_SHADING_SCALE = 20.0
# Delta E: pink lips and bluish brows in gray footage have 5 to 10.
_CHROMA_SCALE = 10.0
# Eye distances.
_POSITION_SCALE = 0.08
# Delta E.
_UNEVEN_SCALE = 12.0
# Delta E by which the skin of another person deviates under the same light: seven rendered truths
# have 5.1 to 9.7.
_OTHER_SKIN = 7.0
# Share of the face: hair on a fifth of the forehead.
_OCCLUSION_SCALE = 0.06
# Share of the face that the face parsing network gets wrong: rendered truths have up to 0.0019.
_PARSING_ERRORS = 0.003
# Lab per pixel.
_SEAM_SCALE = 2.2
# Eye distances.
_JITTER_SCALE = 0.05
# Levels of 0 to 255.
_WARPING_SCALE = 8.0
# Delta E.
_FLICKER_SCALE = 2.0


@dataclass(frozen=True, slots=True)
class ScoreComponent:
    """One component of a score."""

    name: str
    """One of FACTORS or a key of COMPONENT_WEIGHTS."""
    value: float
    """0 (entirely wrong) to 1 (as in a perfect swap)."""


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one version of a clip."""

    value: float
    """0 to 100."""
    components: tuple[ScoreComponent, ...]
    """Those of FACTORS, then those of COMPONENT_WEIGHTS that are defined."""


def compute_score(
    metrics: Mapping[str, MetricSummary], truth: Mapping[str, MetricSummary] | None
) -> Score | None:
    """Compute the score of one version.

    Args:
        metrics: The version's metrics by name.
        truth: The ground truth's own metrics by name, if there is one. The score is then measured
            against it.

    Returns:
        The score; None if the version's identity similarity is undefined.
    """
    values = {name: metric.mean for name, metric in metrics.items()}
    identity = values.get("truth_identity" if truth else "identity")
    if identity is None:
        return None
    best = {name: metric.mean for name, metric in (truth or {}).items()}
    measured = _against_truth(values) if truth else _against_target(values)
    measured["stability"] = _stability(values, best)
    if (color := measured["color"]) is not None:
        measured["color"] = color * _evenness(values, best)
    components = {
        name: _clamp(value)
        for name in COMPONENT_WEIGHTS
        if (value := measured.get(name)) is not None
    }
    weight = sum(COMPONENT_WEIGHTS[name] for name in components)
    weighted = sum(COMPONENT_WEIGHTS[name] * value for name, value in components.items())
    mean = weighted / max(weight, 1e-9)
    factors = {"identity": _clamp(identity), **_occlusion(values, best)}
    named = [ScoreComponent(name, value) for name, value in (factors | components).items()]
    moves = _movement(values.get("truth_followed_motion" if truth else "followed_motion"))
    return Score(100 * math.prod(factors.values()) * moves * mean, tuple(named))


def _movement(followed: float | None) -> float:
    """Return the factor for a face that hardly moves, 0 to 1; 1 if that is not known.

    It follows from the followed motion and not from `expression`, which is as low for a face that
    moves too much: where the target's mouth rests, noise of half a pixel is more than its motion.
    """
    if followed is None:
        return 1.0
    return _clamp((followed - _FROZEN_MOTION) / (_FULL_MOTION - _FROZEN_MOTION))


def _against_target(values: Mapping[str, float]) -> dict[str, float | None]:
    return {
        "expression": values.get("expression"),
        "eyes": _eyes(values, ""),
        "sharpness": _ratio(values.get("sharpness")),
        "color": math.exp(
            -values["color_error"] / _COLOR_SCALE
            - values["shading_error"] / _SHADING_SCALE
            - values["chroma_error"] / _CHROMA_SCALE
        ),
        "seam": _seam(values["seam"]),
        "position": _decay(values.get("position_error"), _POSITION_SCALE),
    }


def _against_truth(values: Mapping[str, float]) -> dict[str, float | None]:
    return {
        "expression": values.get("truth_expression"),
        "eyes": _eyes(values, "truth_"),
        "sharpness": _ratio(values.get("truth_sharpness")),
        "color": math.exp(-values["truth_color_error"] / _COLOR_SCALE),
        "seam": _seam(values["truth_seam"]),
        "position": _decay(values.get("truth_displacement"), _POSITION_SCALE),
    }


def _eyes(values: Mapping[str, float], prefix: str) -> float | None:
    """Return the component of lids and gaze; None if they are not measured."""
    if f"{prefix}lid_error" not in values:
        return None
    error = values[f"{prefix}lid_error"] / _LID_SCALE
    error += values.get(f"{prefix}gaze_error", 0.0) / _GAZE_SCALE
    shut = values.get(f"{prefix}shut_eyes_kept", 1.0)
    return math.exp(-error) * (_NEVER_SHUT + (1 - _NEVER_SHUT) * shut)


def _stability(values: Mapping[str, float], best: Mapping[str, float]) -> float | None:
    scales = {
        "color_flicker": _FLICKER_SCALE,
        "warping_error": _WARPING_SCALE,
        "landmark_jitter": _JITTER_SCALE,
    }
    errors = [
        _excess(values, best, name) / scale for name, scale in scales.items() if name in values
    ]
    return math.exp(-sum(errors)) * (1 - values["unswapped_frames"]) if errors else None


def _evenness(values: Mapping[str, float], best: Mapping[str, float]) -> float:
    """Return the share of the color component that blotches leave."""
    if "uneven_color" not in values:
        return 1.0
    natural = best.get("uneven_color", _OTHER_SKIN)
    return math.exp(-max(values["uneven_color"] - natural, 0.0) / _UNEVEN_SCALE)


def _occlusion(values: Mapping[str, float], best: Mapping[str, float]) -> dict[str, float]:
    """Return the component of hair and occluders; empty if the regions are not known."""
    names = ("foreign_hair", "lost_hair", "lost_occluders")
    if not all(name in values for name in names):
        return {}
    wrong = sum(_excess(values, best, name) for name in names)
    return {"occlusion": math.exp(-max(wrong - _PARSING_ERRORS, 0.0) / _OCCLUSION_SCALE)}


def _excess(values: Mapping[str, float], best: Mapping[str, float], name: str) -> float:
    """How much larger an error is than in the ground truth, if that is known."""
    return max(values[name] - best.get(name, 0.0), 0.0)


def _seam(seam: float) -> float:
    return math.exp(-((seam / _SEAM_SCALE) ** 2))


def _ratio(value: float | None) -> float | None:
    """Twice too sharp is as wrong as half as sharp."""
    return None if value is None else min(value, 1 / max(value, 1e-6))


def _decay(value: float | None, scale: float) -> float | None:
    return None if value is None else math.exp(-value / scale)


def _clamp(value: float) -> float:
    return min(max(value, 0.0), 1.0)
