"""The figures of a swap: what each is called, what is best, how sure it is, where it is worst."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32

# A figure for each frame of a clip that was looked at; NaN where it cannot be told.
Series: TypeAlias = Float32[np.ndarray, "t"]

# Frames that follow each other are alike; the means of so many stretches are nearly independent.
_STRETCHES = 10
_WORST = 3


@dataclass(frozen=True, slots=True)
class Measure:
    """What a figure is. name: in JSON. best: its value for a perfect swap. against: target or exact truth."""

    name: str
    title: str
    unit: str
    best: float
    against: str = "target"


MEASURES = (
    Measure("identity", "identity", "0 target, 1 a real picture", 1),
    Measure("other", "of the other person left", "1 target, 0 nothing", 0),
    Measure("expression", "movement kept", "R squared", 1),
    Measure("mouth", "mouth movement kept", "R squared", 1),
    Measure("eyes", "eye movement kept", "R squared", 1),
    Measure("brows", "brow movement kept", "R squared", 1),
    Measure("gaze", "gaze off", "eye widths", 0),
    Measure("pose", "head off", "degrees", 0),
    Measure("sharpness", "sharpness", "1 as the target", 1),
    Measure("color", "color off", "Delta E", 0),
    Measure("light", "light off", "L*", 0),
    Measure("seam", "seam", "Lab a pixel", 0),
    Measure("place", "out of place", "eye distances", 0),
    Measure("jitter", "landmarks tremble", "eye distances", 0),
    Measure("shimmer", "skin shimmers", "levels", 0),
    Measure("flicker", "color flickers", "Delta E", 0),
    Measure("drift", "identity wavers", "of identity", 0),
    Measure("dropped", "frames not swapped", "share", 0),
    Measure("truth_identity", "identity", "0 target, 1 truth", 1, "truth"),
    Measure("truth_expression", "movement kept", "R squared", 1, "truth"),
    Measure("truth_landmarks", "landmarks off", "eye distances", 0, "truth"),
    Measure("truth_mouth", "mouth off", "eye distances", 0, "truth"),
    Measure("truth_eyes", "eyes off", "eye distances", 0, "truth"),
    Measure("truth_sharpness", "sharpness", "1 as the truth", 1, "truth"),
    Measure("truth_color", "color off", "Delta E", 0, "truth"),
    Measure("truth_seam", "seam", "Lab a pixel", 0, "truth"),
    Measure("truth_aligned", "SSIM once moved into place", "1 alike", 1, "truth"),
    Measure("truth_flow", "how far it had to be moved", "eye distances", 0, "truth"),
    Measure("truth_ssim", "SSIM (prefers blur)", "1 alike", 1, "truth"),
    Measure("truth_psnr", "PSNR (prefers blur)", "dB", 60, "truth"),
)
BY_NAME = {measure.name: measure for measure in MEASURES}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure's mean over the frames, how sure that is, and the numbers of its worst frames.

    error: the standard error of the mean; None for fewer than two frames.
    """

    name: str
    value: float
    error: float | None
    worst: tuple[int, ...]


def figure_of(name: str, series: Series, frames: Sequence[int]) -> Figure | None:
    """Sum up a series; `frames` are the numbers of its frames. None if no frame could be told."""
    known = np.isfinite(series)
    if not known.any():
        return None
    values, numbers = series[known], np.asarray(frames)[known]
    order = np.argsort(-np.abs(values - BY_NAME[name].best), kind="stable")
    return Figure(
        name,
        float(values.mean()),
        standard_error(values),
        tuple(int(n) for n in numbers[_apart(order)]),
    )


def standard_error(values: Series) -> float | None:
    """Return the standard error of the mean of values in the order of time, None for fewer than two.

    By batch means (Law, "Simulation modeling and analysis", chapter 9): frames that follow each other are alike, and
    dividing their spread by the root of their number would promise too much.
    """
    if len(values) < 2:
        return None
    means = [part.mean() for part in np.array_split(values, min(_STRETCHES, len(values)))]
    return float(np.std(means, ddof=1) / np.sqrt(len(means)))


def _apart(order: np.ndarray) -> list[int]:
    """Pick the first few that are not neighbors: three frames in a row show one fault."""
    picked: list[int] = []
    distance = max(1, len(order) // 12)
    for place in order.tolist():
        if len(picked) < _WORST and all(abs(place - other) >= distance for other in picked):
            picked.append(place)
    return picked
