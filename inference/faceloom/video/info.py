"""What is known of a video, and one frame of it."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av

from faceloom.array_types import Rgb

# Left, top, right, bottom in pixels; right and bottom are the first that are outside.
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ColorTags:
    """The stream's color description: numbers of ITU-T H.273, 2 meaning unspecified; range 1 tv, 2 full."""

    primaries: int
    transfer: int
    matrix: int
    range: int


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The first video stream of a file, or the pictures of a folder, which then is `path`.

    `width`, `height` are as coded; `rotation` (0, 90, 180, 270 degrees, counter-clockwise) is what a player turns
    the picture by. `start` is where the file's clock begins and `duration` how long its pictures should last, in
    seconds; `frame_count` is what the container states or implies. None is what the file does not say.
    `interlaced`: its first picture is two fields.
    """

    path: Path
    width: int
    height: int
    rotation: int
    sample_aspect_ratio: Fraction
    time_base: Fraction
    average_rate: Fraction
    start: Fraction
    duration: float | None
    frame_count: int | None
    codec: str
    pixel_format: str
    color: ColorTags
    kind: Literal["video", "pictures"] = "video"
    interlaced: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture as coded (not turned by the display matrix), and when it is shown.

    `pts` and `duration` (0 if the file does not say) are in `time_base` units. `coded` is the picture as it was
    decoded, in its own pixel format, and `changed` the rectangles of it where `rgb` is another picture by now: only
    these are converted when the frame is written. Without `coded` all of `rgb` is.
    """

    index: int
    pts: int
    duration: int
    time_base: Fraction
    rgb: Rgb
    coded: av.VideoFrame | None = None
    changed: tuple[Box, ...] = ()

    @property
    def seconds(self) -> float:
        """Presentation time in seconds."""
        return float(self.pts * self.time_base)
