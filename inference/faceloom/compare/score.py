"""One score of a swap, for putting runs in order, and the parts that make it up.

It is the identity part times the weighted mean of the others: a target that was left alone is no
swap and scores 0, and so does a face that does nothing right but whose it is.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from faceloom.compare.metrics import Figure

# How much each part weighs beside identity.
WEIGHTS = {
    "expression": 0.5,
    "sharpness": 0.15,
    "color": 0.1,
    "seam": 0.05,
    "place": 0.05,
    "steadiness": 0.15,
}
# Where a part has fallen to 1/e: what the eye finds plainly wrong.
_COLOR, _LIGHT, _PLACE, _SEAM = 20.0, 20.0, 0.08, 2.2
_JITTER, _SHIMMER, _FLICKER = 0.05, 8.0, 2.0


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the score, 0 (nothing of it is right) to 1 (as the best possible swap)."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Score:
    """value: 0..100. parts: identity, then those of WEIGHTS that could be told."""

    value: float
    parts: tuple[Part, ...]


def score_of(figures: Mapping[str, Figure], truth: Mapping[str, Figure] | None) -> Score | None:
    """Return the score of a version; None if its identity is not known.

    `truth`: the figures of the exact truth, where there is one; then that is what counts as best.
    """
    values = {name: figure.value for name, figure in figures.items()}
    identity = values.get("truth_identity" if truth else "identity")
    if identity is None:
        return None
    best = {name: figure.value for name, figure in (truth or {}).items()}
    told = _against_truth(values) if truth else _against_target(values)
    told["steadiness"] = _steadiness(values, best)
    parts = {name: _share(value) for name in WEIGHTS if (value := told.get(name)) is not None}
    weight = sum(WEIGHTS[name] for name in parts)
    rest = sum(WEIGHTS[name] * value for name, value in parts.items()) / max(weight, 1e-9)
    named = (
        Part("identity", _share(identity)),
        *(Part(name, value) for name, value in parts.items()),
    )
    return Score(100 * _share(identity) * rest, named)


def _against_target(values: Mapping[str, float]) -> dict[str, float | None]:
    return {
        "expression": values.get("expression"),
        "sharpness": _ratio(values.get("sharpness")),
        "color": math.exp(-values["color"] / _COLOR - values["light"] / _LIGHT),
        "seam": _step(values["seam"]),
        "place": _fading(values.get("place"), _PLACE),
    }


def _against_truth(values: Mapping[str, float]) -> dict[str, float | None]:
    return {
        "expression": values.get("truth_expression"),
        "sharpness": _ratio(values.get("truth_sharpness")),
        "color": math.exp(-values["truth_color"] / _COLOR),
        "seam": _step(values["truth_seam"]),
        "place": _fading(values.get("truth_flow"), _PLACE),
    }


def _steadiness(values: Mapping[str, float], best: Mapping[str, float]) -> float | None:
    scales = {"flicker": _FLICKER, "shimmer": _SHIMMER, "jitter": _JITTER}
    unrest = [
        _beyond(values, best, name) / scale for name, scale in scales.items() if name in values
    ]
    return math.exp(-sum(unrest)) * (1 - values["dropped"]) if unrest else None


def _beyond(values: Mapping[str, float], best: Mapping[str, float], name: str) -> float:
    """How much more of a fault there is than in the exact truth, where one is known."""
    return max(values[name] - best.get(name, 0.0), 0.0)


def _step(seam: float) -> float:
    return math.exp(-((seam / _SEAM) ** 2))


def _ratio(value: float | None) -> float | None:
    """Twice too sharp is as wrong as half as sharp."""
    return None if value is None else min(value, 1 / max(value, 1e-6))


def _fading(value: float | None, scale: float) -> float | None:
    return None if value is None else math.exp(-value / scale)


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)
