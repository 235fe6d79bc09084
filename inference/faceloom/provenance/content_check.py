"""Refuse targets with nudity, if the package nudenet (an extra) is installed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np

from faceloom.array_types import Rgb
from faceloom.errors import ContentRefused
from faceloom.video import Frame, VideoInfo

# Seconds between two checked frames.
_INTERVAL = 1.0
# Least score of the model, 0 to 1, that counts. On harmless videos it reached 0.28.
SCORE_THRESHOLD = 0.5
# The model's classes that are refused.
REFUSED_CLASSES = frozenset(
    {
        "ANUS_EXPOSED",
        "BUTTOCKS_EXPOSED",
        "FEMALE_BREAST_EXPOSED",
        "FEMALE_GENITALIA_EXPOSED",
        "MALE_GENITALIA_EXPOSED",
    }
)
# Most findings in a message.
_MAX_REPORTED = 6
# Longer side in pixels of the image given to the model: it works at 320 pixels, but first pads
# the image to a square at full size.
_INPUT_SIZE = 640


@runtime_checkable
class NudityDetector(Protocol):
    """The part of `nudenet.NudeDetector` that is used."""

    def detect(self, image_path: Any) -> list[dict[str, Any]]:
        """Return "class", "score" (0 to 1) and "box" of each detection.

        Args:
            image_path: A BGR image; the name is nudenet's.
        """
        ...


@dataclass(frozen=True, slots=True)
class ContentFinding:
    """A detection that is refused."""

    seconds: float
    """Presentation time of the frame in seconds."""

    class_name: str
    """The model's class, one of `REFUSED_CLASSES`."""

    score: float
    """The model's score, 0 to 1."""

    def __str__(self) -> str:
        """Return the finding for people."""
        name = self.class_name.lower().replace("_", " ")
        return f"{self.seconds:.1f} s {name} ({self.score:.2f})"


def content_check_available() -> bool:
    """Return whether nudenet is installed."""
    return find_spec("nudenet") is not None


def load_nudity_detector() -> NudityDetector:
    """Load nudenet's packaged model.

    Raises:
        ModuleNotFoundError: If the extra is not installed.
    """
    from nudenet import NudeDetector  # noqa: PLC0415  an extra

    detector: NudityDetector = NudeDetector()
    return detector


def check_frames(
    frames: Iterator[Frame], info: VideoInfo, count: int | None, *, from_start: bool = True
) -> Iterator[Frame]:
    """Yield the same frames; check them on the way if nudenet is installed.

    Args:
        frames: Upright frames.
        info: The target.
        count: Number of frames; None: unknown.
        from_start: Whether the frames start at the target's first one; see `ContentCheck.check`.

    Raises:
        ContentRefused: If the frames show nudity.
    """
    if not content_check_available():
        return frames
    return ContentCheck(load_nudity_detector(), info, count).check(frames, from_start=from_start)


def check_frame(frame: Frame, info: VideoInfo) -> None:
    """Check a single frame if nudenet is installed.

    Args:
        frame: The upright frame.
        info: The target.

    Raises:
        ContentRefused: If the frame shows nudity.
    """
    if content_check_available():
        check = ContentCheck(load_nudity_detector(), info)
        if finding := check.find(frame.square_rgb, frame.seconds):
            raise check.refusal(finding)


class ContentCheck:
    """Checks one frame per second of a video, and every image of an image sequence.

    Findings in two consecutively checked frames refuse the target, since a single one may be an
    error. If only one frame is checked, a finding in it refuses.
    """

    def __init__(self, detector: NudityDetector, info: VideoInfo, frames: int | None = None):
        """Choose the interval between checked frames.

        Args:
            detector: The model.
            info: The target.
            frames: Number of frames to come; None: unknown.
        """
        self._detector, self._info = detector, info
        # Check a video shorter than two seconds twice, too.
        half = _INTERVAL if frames is None else float(frames / info.average_rate) / 2
        self._interval = 0.0 if info.kind == "image_sequence" else min(_INTERVAL, half)

    def check(self, frames: Iterable[Frame], *, from_start: bool = True) -> Iterator[Frame]:
        """Yield the same frames and check them on the way.

        Args:
            frames: Upright frames in presentation order.
            from_start: Whether they start at the target's first frame, so that a single checked
                frame is the only one.

        Raises:
            ContentRefused: If the frames show nudity.
        """
        previous: ContentFinding | None = None
        next_check, checks = float("-inf"), 0
        for frame in frames:
            if frame.seconds >= next_check:
                next_check, checks = frame.seconds + self._interval, checks + 1
                finding = self.find(frame.square_rgb, frame.seconds)
                if previous and finding:
                    raise self.refusal(previous, finding)
                previous = finding
            yield frame
        if from_start and checks == 1 and previous:
            raise self.refusal(previous)

    def find(self, rgb: Rgb, seconds: float) -> ContentFinding | None:
        """Return the finding with the highest score in one frame, if there is any.

        Args:
            rgb: The upright frame.
            seconds: Its presentation time.
        """
        detections = self._detector.detect(cv2.cvtColor(_shrink(rgb), cv2.COLOR_RGB2BGR))
        findings = [
            ContentFinding(seconds, row["class"], row["score"])
            for row in detections
            if row["class"] in REFUSED_CLASSES
        ]
        best = max(findings, key=lambda finding: finding.score, default=None)
        return best if best and best.score >= SCORE_THRESHOLD else None

    def refusal(self, *findings: ContentFinding) -> ContentRefused:
        """Return the error that reports findings.

        Args:
            *findings: What was found.
        """
        details = ", ".join(map(str, findings[:_MAX_REPORTED]))
        return ContentRefused(
            f"{self._info.path} shows nudity and is not converted: {details}. If this is an error, "
            "check these times, leave them out with --range, and report it."
        )


def _shrink(rgb: Rgb) -> Rgb:
    """Scale an image down so that its longer side is at most `_INPUT_SIZE`."""
    height, width = rgb.shape[:2]
    scale = _INPUT_SIZE / max(height, width)
    if scale >= 1:
        return rgb
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
