"""Properties of a video, and one decoded frame."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av

from faceloom.array_types import Affine, Rgb
from faceloom.video.hdr.metadata import HdrMetadata
from faceloom.video.orientation import Orientation
from faceloom.video.pixel_aspect import square_pixel_map, square_pixel_size, to_square_pixels

# Rectangle in pixels: left, top, right, bottom; right and bottom are exclusive.
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ColorTags:
    """Color description of a video stream: code points of ITU-T H.273 (2: unspecified)."""

    primaries: int
    """Color primaries (1: BT.709)."""

    transfer: int
    """Transfer characteristics (1: BT.709, 16: PQ, 18: HLG)."""

    matrix: int
    """Matrix coefficients (0: RGB, 1: BT.709)."""

    range: int
    """FFmpeg's color range: 0 unspecified, 1 limited ("tv"), 2 full ("pc")."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """Properties of the first video stream of a file, or of an image sequence."""

    path: Path
    """The video file, the image, or the folder of images."""

    width: int
    """Coded width in pixels."""

    height: int
    """Coded height in pixels."""

    orientation: Orientation
    """How a viewer turns and mirrors the coded picture."""

    sample_aspect_ratio: Fraction
    """Width of a pixel divided by its height."""

    time_base: Fraction
    """Unit of the frames' PTS, in seconds."""

    average_rate: Fraction
    """Average frames per second."""

    start: Fraction
    """Start time of the container in seconds; below 0 only if the first frame's time is."""

    duration: float | None
    """Duration of the video stream in seconds; None if the file does not state it."""

    frame_count: int | None
    """Number of frames that the container states or implies; None if unknown."""

    codec: str
    """FFmpeg's name of the codec; "images" for an image sequence."""

    pixel_format: str
    """FFmpeg's name of the pixel format."""

    color: ColorTags
    """Color description of the stream."""

    kind: Literal["video", "image_sequence"] = "video"
    """Whether the frames come from a video file or from image files."""

    hdr_metadata: HdrMetadata | None = None
    """Static HDR metadata of the first frame; None without any."""

    interlaced: bool = False
    """Whether the first frame is interlaced."""

    states_pts: bool = True
    """Whether packets state presentation times; if not, a frame is only found by decoding."""

    repeated_times: int = 0
    """Frames whose presentation time is not after the previous one's, counted by
    `with_repeated_times`; reading moves them, so that a time does not identify a frame."""

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height as a viewer shows them: upright, with square pixels."""
        width, height = square_pixel_size(self.width, self.height, self.sample_aspect_ratio)
        return (height, width) if self.orientation.swaps_sides else (width, height)


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame and its presentation time."""

    index: int
    """Position in the video, from 0, in presentation order."""

    pts: int
    """Presentation time in units of `time_base`."""

    duration: int
    """Duration in units of `time_base`; 0 if the file does not state it."""

    time_base: Fraction
    """Unit of `pts` and `duration`, in seconds."""

    rgb: Rgb
    """SDR pixels, `uint8` [height, width, 3]; in coded orientation when read from a file."""

    decoded: av.VideoFrame | None = None
    """The decoder's output in its own pixel format and coded orientation. None: all of `rgb` is
    encoded."""

    changed_boxes: tuple[Box, ...] = ()
    """Rectangles where `rgb` differs from `decoded`; only these are converted for encoding."""

    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel of `rgb` divided by its height; set by `frame_to_upright`."""

    decoded_rgb: Rgb | None = None
    """`rgb` before it was changed: equal pixels stay as decoded. None: all of the rectangles."""

    @property
    def seconds(self) -> float:
        """Presentation time in seconds."""
        return float(self.pts * self.time_base)

    @property
    def square_rgb(self) -> Rgb:
        """The pixels, stretched to be square. Faces are found in these."""
        return to_square_pixels(self.rgb, self.pixel_aspect)

    @property
    def to_square(self) -> Affine:
        """The map from pixels of `rgb` to pixels of `square_rgb`."""
        height, width = self.rgb.shape[:2]
        return square_pixel_map(height, width, self.pixel_aspect)
