"""Encoders: which one, with which options, quality and pixel format."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

import av
from av.codec.codec import find_best_pix_fmt_of_list
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from faceloom.cpu_features import has_avx512
from faceloom.errors import ProviderMissing, UsageError
from faceloom.video.info import ColorTags, VideoInfo
from faceloom.video.thread_priority import same_thread_priority

# BT.709, limited range: the color tags of a video made from RGB.
BT709 = ColorTags(primaries=1, transfer=1, matrix=1, range=1)
# On the scale of 0 to 100: x264's crf 17, visually lossless at a size that can be shared.
DEFAULT_QUALITY = 75
# FFmpeg options that control the quality; giving one replaces the quality scale.
_RATE_OPTIONS = ("b", "crf", "cq", "qp", "global_quality")


@dataclass(frozen=True, slots=True)
class _QualityScale:
    """Linear map from quality (0 to 100) to an encoder's option."""

    option: str
    """Name of the option."""

    at_zero: float
    """Its value at quality 0."""

    slope: float
    """How much each point of quality reduces the value."""

    def value(self, quality: int) -> str:
        return f"{self.at_zero - self.slope * quality:g}"


@dataclass(frozen=True, slots=True)
class _Codec:
    """One of FFmpeg's encoders and its defaults."""

    name: str
    """FFmpeg's name of the encoder."""

    options: dict[str, str]
    """Default options."""

    quality: _QualityScale | None = None
    """The quality scale; None for lossless encoders."""

    pixel_formats: tuple[str, ...] = ()
    """Pixel formats to use; empty: all that the encoder supports."""

    segment_format: str = "mov"
    """Container of segments, one that stores exact timestamps for this codec."""


# Quality 50 gives all the PSNR of x264 there (41.7 dB on the sample, within 0.15); at 75, where
# x264 has 47.0 dB, x265 has 45.8 and SVT-AV1 43.2.
_X264 = _Codec("libx264", {"preset": "fast"}, _QualityScale("crf", 44, 0.36))
_X265 = _Codec(
    "libx265",
    {"preset": "fast", "x265-params": "log-level=error:open-gop=0"},
    _QualityScale("crf", 40, 0.32),
)
_SVTAV1 = _Codec("libsvtav1", {"preset": "8"}, _QualityScale("crf", 53, 0.44), segment_format="mp4")
_NVENC_OPTIONS = {"preset": "p5", "rc": "vbr", "b": "0"}
_NVENC_QUALITY = _QualityScale("cq", 46, 0.36)
_NVENC_FORMATS = ("yuv420p", "p010le", "yuv444p", "yuv444p16le")
_H264_NVENC = _Codec("h264_nvenc", _NVENC_OPTIONS, _NVENC_QUALITY, _NVENC_FORMATS)
_HEVC_NVENC = _Codec("hevc_nvenc", _NVENC_OPTIONS, _NVENC_QUALITY, _NVENC_FORMATS)
_X264_LOSSLESS = _Codec("libx264", {"preset": "fast", "qp": "0"})
_FFV1 = _Codec("ffv1", {"level": "3", "slicecrc": "1"}, segment_format="matroska")
# Level 1 takes a third of the default's time and 10 % more space.
_PNG = _Codec("png", {"compression_level": "1"})
# Values of --encoder.
ENCODERS = ("x264", "x265", "svtav1", "nvenc", "lossless", "png")


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding that the user asks for."""

    encoder: str = "x264"
    """One of `ENCODERS`."""

    quality: int | None = None
    """0 to 100; None: `DEFAULT_QUALITY`."""

    options: tuple[tuple[str, str], ...] = ()
    """FFmpeg options of the encoder; they override all other settings."""

    @classmethod
    def parse(
        cls, encoder: str = "x264", quality: int | None = None, options: Sequence[str] = ()
    ) -> "Encoding":
        """Check the values of the command line.

        Args:
            encoder: Value of --encoder.
            quality: Value of --quality.
            options: Values of --encoder-option, as key=value.

        Raises:
            UsageError: If a value is invalid.
        """
        if encoder not in ENCODERS:
            raise UsageError(
                f"--encoder {encoder} is unknown; choose one of {', '.join(ENCODERS)}."
            )
        if quality is not None and not 0 <= quality <= 100:
            raise UsageError(f"--quality {quality} is not between 0 and 100.")
        if quality is not None and encoder in ("lossless", "png"):
            raise UsageError(
                f"--quality has no effect with --encoder {encoder}, which is lossless; leave it "
                "out."
            )
        pairs = tuple(
            (key, value) for key, _, value in (option.partition("=") for option in options)
        )
        if invalid := next((option for option in options if "=" not in option), None):
            raise UsageError(f"--encoder-option {invalid} is not of the form key=value.")
        return cls(encoder, quality, pairs)


DEFAULT_ENCODING = Encoding()


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """An `Encoding` resolved for one video."""

    codec: str
    """FFmpeg's name of the encoder."""

    options: dict[str, str]
    """Options of the encoder."""

    pixel_format: str
    """FFmpeg's name of the pixel format of the frames."""

    color: ColorTags
    """Color tags of the stream."""

    segment_format: str
    """FFmpeg's name of the container of segments."""


def resolve_encoder(info: VideoInfo, encoding: Encoding) -> EncoderConfig:
    """Choose codec, options and pixel format for a video.

    Args:
        info: The source.
        encoding: What the user asked for.

    Raises:
        UsageError: If the encoder does not support the frame size or an option.
    """
    codec = _codec_for(info, encoding)
    pixel_format = _pixel_format(info, codec)
    # RGB (of a GIF or an image) that is encoded as YUV gets the tags of BT.709.
    from_rgb = _is_rgb(info.pixel_format) or info.color.matrix == 0
    color = BT709 if from_rgb and not _is_rgb(pixel_format) else info.color
    options = _options(info, codec, encoding)
    return EncoderConfig(codec.name, options, pixel_format, color, codec.segment_format)


def _options(info: VideoInfo, codec: _Codec, encoding: Encoding) -> dict[str, str]:
    options = dict(codec.options)
    user_rate = encoding.quality is None and any(
        key in _RATE_OPTIONS for key, _ in encoding.options
    )
    if codec.quality and not user_rate:
        quality = DEFAULT_QUALITY if encoding.quality is None else encoding.quality
        options[codec.quality.option] = codec.quality.value(quality)
    if codec.name == "libx264" and has_avx512():
        # With AVX-512, x264's macroblock tree reads uninitialized memory: the output of the same
        # frames would differ from run to run.
        options["x264-params"] = "asm=avx2"
    if "rc-lookahead" in _known_options(codec.name):
        options["rc-lookahead"] = str(_lookahead(info))
    metadata = info.hdr_metadata.encoder_options(codec.name) if info.hdr_metadata else {}
    for key, _ in encoding.options:
        _check_option(codec.name, key)
    for key, value in (*metadata.items(), *encoding.options):
        # Append to "...-params" lists: our entries are needed for concatenation.
        options[key] = (
            f"{options[key]}:{value}" if key.endswith("-params") and key in options else value
        )
    return options


def _lookahead(info: VideoInfo) -> int:
    """Frames of rate-control lookahead: fewer for large frames, as 30 of 4K exceed 1 GB."""
    return max(5, min(30, 20_000_000 // (info.width * info.height)))


def check_encoder(info: VideoInfo, encoding: Encoding) -> None:
    """Open the encoder once, to report errors before the work starts.

    Args:
        info: The source.
        encoding: What the user asked for.

    Raises:
        UsageError: If the encoder rejects its options.
        ProviderMissing: If it does not run on this machine.
    """
    config = resolve_encoder(info, encoding)
    context = av.CodecContext.create(config.codec, "w")
    assert isinstance(context, VideoCodecContext), "all our encoders encode video"
    context.framerate = info.average_rate
    open_encoder(context, info, encoding, config)


def open_encoder(
    context: VideoCodecContext, info: VideoInfo, encoding: Encoding, config: EncoderConfig
) -> None:
    """Configure and open an encoder.

    Args:
        context: The encoder's context.
        info: The source.
        encoding: What the user asked for, for the error message.
        config: The encoder's configuration.

    Raises:
        UsageError: If the encoder rejects its options.
        ProviderMissing: If it does not run on this machine.
    """
    context.options, context.time_base = dict(config.options), info.time_base
    context.width, context.height = info.width, info.height
    context.pix_fmt = config.pixel_format
    context.sample_aspect_ratio = info.sample_aspect_ratio
    context.color_primaries = config.color.primaries
    context.color_trc = config.color.transfer
    context.colorspace = config.color.matrix
    context.color_range = config.color.range
    # For concatenation: parameter sets in the container's header and closed GOPs.
    context.flags |= Flags.global_header | Flags.closed_gop
    if config.codec == "libsvtav1":
        # SVT-AV1 logs to stderr and only listens to this variable (1: errors).
        os.environ.setdefault("SVT_LOG", "1")
    try:
        with same_thread_priority():
            context.open()
    except (av.FFmpegError, ValueError) as error:
        raise _open_error(config, encoding, error) from error


def _open_error(
    config: EncoderConfig, encoding: Encoding, error: Exception
) -> ProviderMissing | UsageError:
    if encoding.encoder == "nvenc":
        return ProviderMissing(
            f"{config.codec} does not run on this machine (no NVIDIA GPU with an encoder, or no "
            "driver); leave out --encoder to encode on the CPU."
        )
    options = " ".join(f"{key}={value}" for key, value in config.options.items())
    reason = getattr(error, "strerror", None) or str(error)
    return UsageError(
        f"{config.codec} does not start with {options} ({reason.lower()}); check --encoder-option."
    )


def _codec_for(info: VideoInfo, encoding: Encoding) -> _Codec:
    if encoding.encoder == "nvenc":
        return _H264_NVENC if _depth(info.pixel_format) <= 8 else _HEVC_NVENC
    if encoding.encoder == "lossless":
        return _X264_LOSSLESS if _x264_keeps(info) else _FFV1
    return {"x264": _X264, "x265": _X265, "svtav1": _SVTAV1, "png": _PNG}[encoding.encoder]


def _x264_keeps(info: VideoInfo) -> bool:
    """Return whether x264 stores the source's pixel format and size without loss."""
    pixel_format = base_format_name(info.pixel_format)
    return (
        pixel_format in map(base_format_name, _supported_formats("libx264"))
        # x264's gray is decoded as 4:2:0.
        and not pixel_format.startswith("gray")
        and not _splits_chroma(pixel_format, info)
    )


def _pixel_format(info: VideoInfo, codec: _Codec) -> str:
    """Return the source's own pixel format if the encoder supports it, else the nearest one.

    RGB becomes 4:2:0, which every player supports, unless the encoder is lossless.
    """
    supported = codec.pixel_formats or _supported_formats(codec.name)
    pixel_format = info.pixel_format
    if _is_rgb(pixel_format) and codec.quality:
        pixel_format = "yuv420p" if _depth(pixel_format) <= 8 else "yuv420p10le"
    if pixel_format not in supported:
        # By the base name: find_best counts full range as a loss, but the color tags keep it.
        nearest, _ = find_best_pix_fmt_of_list(
            supported,
            base_format_name(pixel_format),
            _has_alpha(pixel_format) and codec.quality is None,
        )
        assert nearest is not None, "every encoder supports some format"
        pixel_format = nearest.name
    if codec.name != "ffv1" and _splits_chroma(pixel_format, info):
        full_chroma = "yuv444p" if _depth(pixel_format) <= 8 else "yuv444p10le"
        if full_chroma not in supported:
            raise UsageError(
                f"{info.path} is {info.width}x{info.height} and {codec.name} supports only even "
                "sizes; choose another --encoder."
            )
        return full_chroma
    return pixel_format


def _splits_chroma(pixel_format: str, info: VideoInfo) -> bool:
    """Return whether the frame size is not a whole number of chroma samples."""
    described = av.VideoFormat(pixel_format, 16, 16)
    across = 16 // min(part.width for part in described.components)
    down = 16 // min(part.height for part in described.components)
    return bool(info.width % across or info.height % down)


@cache
def _supported_formats(codec: str) -> tuple[str, ...]:
    return tuple(kind.name for kind in av.codec.Codec(codec, "w").video_formats or ())


@cache
def _known_options(codec: str) -> frozenset[str]:
    known = av.CodecContext.create(codec, "w").supported_options
    return frozenset(option.name for option in (*known.generic, *known.private))


def _check_option(codec: str, key: str) -> None:
    if key not in _known_options(codec):
        near = get_close_matches(key, _known_options(codec), 1)
        hint = f"; did you mean {near[0]}?" if near else f"; see ffmpeg -h encoder={codec}."
        raise UsageError(f"{codec} has no option {key}{hint}")


def base_format_name(pixel_format: str) -> str:
    """Return a pixel format's name without the "j" that marks full range.

    Args:
        pixel_format: FFmpeg's name, such as "yuvj420p".
    """
    return pixel_format.replace("yuvj", "yuv")


def _is_rgb(pixel_format: str) -> bool:
    described = av.VideoFormat(pixel_format)
    return described.is_rgb or described.has_palette


def _has_alpha(pixel_format: str) -> bool:
    return pixel_format == "pal8" or any(
        part.is_alpha for part in av.VideoFormat(pixel_format).components
    )


def _depth(pixel_format: str) -> int:
    """Bits per component."""
    return max((part.bits for part in av.VideoFormat(pixel_format).components), default=8)
