"""FFmpeg's encoders that are used, with their defaults and quality scales."""

from dataclasses import dataclass
from typing import get_args

from faceloom.choices import EncodingSpeed


@dataclass(frozen=True, slots=True)
class QualityScale:
    """Linear map from quality (0 to 100) to an encoder's option."""

    option: str
    """Name of the option."""

    at_zero: float
    """Its value at quality 0."""

    slope: float
    """How much each point of quality reduces the value."""

    def value(self, quality: int, offset: float = 0.0) -> str:
        """Return the option's value.

        Args:
            quality: 0 to 100.
            offset: What is added to the value; it stays between 0 and the value of quality 0.
        """
        value = self.at_zero - self.slope * quality + offset
        return f"{min(self.at_zero, max(0.0, value)):g}"


@dataclass(frozen=True, slots=True)
class SpeedSetting:
    """How an encoder trades time for size."""

    options: dict[str, str]
    """The options that decide it."""

    quality_offset: float = 0.0
    """What is added to the quality option's value, so that the quality is that of "balanced"."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One of FFmpeg's encoders and its defaults."""

    name: str
    """FFmpeg's name of the encoder."""

    options: dict[str, str]
    """Options that it always gets."""

    speeds: dict[str, SpeedSetting]
    """The setting of each of `SPEEDS`."""

    quality: QualityScale | None = None
    """The quality scale; None for lossless encoders."""

    pixel_formats: tuple[str, ...] = ()
    """Pixel formats to use; empty: all that the encoder supports."""

    segment_format: str = "mov"
    """Container of segments, one that stores exact timestamps for this codec."""


# Values of --speed.
SPEEDS: tuple[EncodingSpeed, ...] = get_args(EncodingSpeed)


def _presets(option: str, *values: str | tuple[str, float]) -> dict[str, SpeedSetting]:
    """Return settings that differ in one option, from "fast" to "small"."""
    pairs = (value if isinstance(value, tuple) else (value, 0.0) for value in values)
    settings = (SpeedSetting({option: value}, change) for value, change in pairs)
    return dict(zip(SPEEDS, settings, strict=True))


# With "balanced", quality 50 gives x265 and SVT-AV1 the PSNR of x264 there (41.7 dB on the sample,
# within 0.15) and VP9 40.3; at 75, where x264 has 47.0 dB, x265 has 45.8 and the other two 43.2.
X264 = Codec(
    "libx264",
    {},
    _presets("preset", ("veryfast", -1), "fast", "slow"),
    QualityScale("crf", 44, 0.36),
)
X265 = Codec(
    "libx265",
    {"x265-params": "log-level=error:open-gop=0"},
    _presets("preset", ("superfast", -3), "fast", ("slow", 1)),
    QualityScale("crf", 40, 0.32),
)
SVTAV1 = Codec(
    "libsvtav1",
    {},
    _presets("preset", ("10", -1), "8", ("5", 1)),
    QualityScale("crf", 53, 0.44),
    segment_format="mp4",
)
# Constant quality needs b=0. Rows are encoded in parallel. With the deadline "good", libvpx has no
# speed above 5: 8 gives the same file in the same time.
VP9 = Codec(
    "libvpx-vp9",
    {"row-mt": "1", "b": "0"},
    {
        "fast": SpeedSetting({"deadline": "realtime", "cpu-used": "6"}, 3),
        "balanced": SpeedSetting({"deadline": "good", "cpu-used": "5"}),
        "small": SpeedSetting({"deadline": "good", "cpu-used": "2"}, 2),
    },
    QualityScale("crf", 63, 0.6),
    segment_format="mp4",
)
_NVENC_OPTIONS = {"rc": "vbr", "b": "0"}
_NVENC_SPEEDS = _presets("preset", "p2", "p5", "p7")
_NVENC_QUALITY = QualityScale("cq", 46, 0.36)
_NVENC_FORMATS = ("yuv420p", "p010le", "yuv444p", "yuv444p16le")
H264_NVENC = Codec("h264_nvenc", _NVENC_OPTIONS, _NVENC_SPEEDS, _NVENC_QUALITY, _NVENC_FORMATS)
HEVC_NVENC = Codec("hevc_nvenc", _NVENC_OPTIONS, _NVENC_SPEEDS, _NVENC_QUALITY, _NVENC_FORMATS)
X264_LOSSLESS = Codec("libx264", {"qp": "0"}, _presets("preset", "veryfast", "fast", "slow"))
FFV1 = Codec(
    "ffv1",
    {"level": "3", "slicecrc": "1"},
    dict.fromkeys(SPEEDS, SpeedSetting({})),
    segment_format="matroska",
)
# Level 1 takes a third of level 6's time and 10 % more space.
PNG = Codec("png", {}, _presets("compression_level", "1", "1", "6"))
