"""Refuse targets that show naked people, where the package nudenet, an extra that sees them, is installed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np

from faceloom.array_types import Rgb
from faceloom.errors import ContentRefused
from faceloom.video import Frame, VideoInfo

# Seconds between two looks.
_EVERY = 1.0
# The model's own score, 0 to 1, above which it is believed. On harmless clips it reached 0.28.
BELIEVED = 0.5
# What is refused, by the model's names.
REFUSED = frozenset(
    {
        "ANUS_EXPOSED",
        "BUTTOCKS_EXPOSED",
        "FEMALE_BREAST_EXPOSED",
        "FEMALE_GENITALIA_EXPOSED",
        "MALE_GENITALIA_EXPOSED",
    }
)
_TOLD = 6
# The model looks at 320 pixels a side, and would first make a square of a frame at its full size.
_SHOWN = 640


@runtime_checkable
class Detector(Protocol):
    """The part of `nudenet.NudeDetector` that is used."""

    def detect(self, image_path: Any) -> list[dict[str, Any]]:
        """Return "class", "score" (0 to 1) and "box" of what a BGR picture shows."""
        ...


@dataclass(frozen=True, slots=True)
class Sight:
    """Something that is refused: when, in seconds, what, and how sure the model is."""

    seconds: float
    what: str
    score: float

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.seconds:.1f} s {self.what.lower().replace('_', ' ')} ({self.score:.2f})"


def can_check() -> bool:
    """Tell whether the model is installed."""
    return find_spec("nudenet") is not None


def open_detector() -> Detector:
    """Open the packaged model. Raises ModuleNotFoundError without the extra."""
    from nudenet import NudeDetector  # noqa: PLC0415  an extra

    detector: Detector = NudeDetector()
    return detector


def checked(
    frames: Iterator[Frame], info: VideoInfo, count: int | None, *, whole: bool = True
) -> Iterator[Frame]:
    """Return the same frames; where the model is installed they are looked at as they pass (see `ContentCheck`)."""
    return (
        ContentCheck(open_detector(), info, count).watch(frames, whole=whole)
        if can_check()
        else frames
    )


def refuse_frame(frame: Frame, info: VideoInfo) -> None:
    """Raise ContentRefused if the model is installed and refuses a single upright frame."""
    if can_check():
        check = ContentCheck(open_detector(), info)
        if sight := check.look(frame.rgb, frame.seconds):
            raise check.refusal(sight)


class ContentCheck:
    """Looks at a target's upright frames as they pass, once a second, of pictures at each.

    Two looks in a row that see what is refused end the work: one alone may be an error. Where a target has only one
    look, that one does.
    """

    def __init__(self, detector: Detector, info: VideoInfo, frames: int | None = None):
        self._detector, self._info = detector, info
        # A clip of less than two seconds is looked at twice all the same.
        lasts = _EVERY if frames is None else float(frames / info.average_rate) / 2
        self._every = 0.0 if info.kind == "pictures" else min(_EVERY, lasts)

    def watch(self, frames: Iterable[Frame], *, whole: bool = True) -> Iterator[Frame]:
        """Yield the same frames; raise ContentRefused with the times and what was seen.

        whole: they begin where the target does, so that a single look is its only one.
        """
        before: Sight | None = None
        due, looks = float("-inf"), 0
        for frame in frames:
            if frame.seconds >= due:
                due, looks = frame.seconds + self._every, looks + 1
                sight = self.look(frame.rgb, frame.seconds)
                if before and sight:
                    raise self.refusal(before, sight)
                before = sight
            yield frame
        if whole and looks == 1 and before:
            raise self.refusal(before)

    def look(self, rgb: Rgb, seconds: float) -> Sight | None:
        """Return the surest of what is refused in one picture, if there is any."""
        found = self._detector.detect(cv2.cvtColor(_shrunk(rgb), cv2.COLOR_RGB2BGR))
        sights = [
            Sight(seconds, row["class"], row["score"]) for row in found if row["class"] in REFUSED
        ]
        surest = max(sights, key=lambda sight: sight.score, default=None)
        return surest if surest and surest.score >= BELIEVED else None

    def refusal(self, *sights: Sight) -> ContentRefused:
        """Return the error that says what was seen and when."""
        seen = ", ".join(map(str, sights[:_TOLD]))
        return ContentRefused(
            f"{self._info.path} shows naked people and no face is put into it: {seen}. If that is an error, look at "
            "these moments, cut them out with --range, and report it."
        )


def _shrunk(rgb: Rgb) -> Rgb:
    """A picture whose longer side is `_SHOWN` at the most."""
    height, width = rgb.shape[:2]
    scale = _SHOWN / max(height, width)
    if scale >= 1:
        return rgb
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
