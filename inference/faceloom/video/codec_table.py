"""FFmpeg's encoders that are used, with their defaults and quality scales."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QualityScale:
    """Linear map from quality (0 to 100) to an encoder's option."""

    option: str
    """Name of the option."""

    at_zero: float
    """Its value at quality 0."""

    slope: float
    """How much each point of quality reduces the value."""

    def value(self, quality: int) -> str:
        """Return the option's value.

        Args:
            quality: 0 to 100.
        """
        return f"{self.at_zero - self.slope * quality:g}"


@dataclass(frozen=True, slots=True)
class Codec:
    """One of FFmpeg's encoders and its defaults."""

    name: str
    """FFmpeg's name of the encoder."""

    options: dict[str, str]
    """Default options."""

    quality: QualityScale | None = None
    """The quality scale; None for lossless encoders."""

    pixel_formats: tuple[str, ...] = ()
    """Pixel formats to use; empty: all that the encoder supports."""

    segment_format: str = "mov"
    """Container of segments, one that stores exact timestamps for this codec."""


# Quality 50 gives x265 and SVT-AV1 the PSNR of x264 there (41.7 dB on the sample, within 0.15)
# and VP9 40.3; at 75, where x264 has 47.0 dB, x265 has 45.8 and the other two 43.2.
X264 = Codec("libx264", {"preset": "fast"}, QualityScale("crf", 44, 0.36))
X265 = Codec(
    "libx265",
    {"preset": "fast", "x265-params": "log-level=error:open-gop=0"},
    QualityScale("crf", 40, 0.32),
)
SVTAV1 = Codec("libsvtav1", {"preset": "8"}, QualityScale("crf", 53, 0.44), segment_format="mp4")
# Constant quality needs b=0. Speed 5 and rows in parallel: about the time of x265's preset "fast".
VP9 = Codec(
    "libvpx-vp9",
    {"deadline": "good", "cpu-used": "5", "row-mt": "1", "b": "0"},
    QualityScale("crf", 63, 0.6),
    segment_format="mp4",
)
_NVENC_OPTIONS = {"preset": "p5", "rc": "vbr", "b": "0"}
_NVENC_QUALITY = QualityScale("cq", 46, 0.36)
_NVENC_FORMATS = ("yuv420p", "p010le", "yuv444p", "yuv444p16le")
H264_NVENC = Codec("h264_nvenc", _NVENC_OPTIONS, _NVENC_QUALITY, _NVENC_FORMATS)
HEVC_NVENC = Codec("hevc_nvenc", _NVENC_OPTIONS, _NVENC_QUALITY, _NVENC_FORMATS)
X264_LOSSLESS = Codec("libx264", {"preset": "fast", "qp": "0"})
FFV1 = Codec("ffv1", {"level": "3", "slicecrc": "1"}, segment_format="matroska")
# Level 1 takes a third of the default's time and 10 % more space.
PNG = Codec("png", {"compression_level": "1"})
