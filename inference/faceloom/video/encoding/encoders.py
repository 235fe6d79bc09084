"""Encoders: which one, with which options, quality and pixel format."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import av
from av.codec.codec import find_best_pix_fmt_of_list
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from faceloom.choices import DEFAULT_SPEED
from faceloom.errors import MemoryExhausted, ProviderMissing, UsageError
from faceloom.hardware import available_memory
from faceloom.video.encoding.codec_table import (
    FFV1,
    H264_NVENC,
    HEVC_NVENC,
    PNG,
    SPEEDS,
    SVTAV1,
    VP9,
    X264,
    X264_LOSSLESS,
    X265,
    Codec,
)
from faceloom.video.encoding.encoder_options import (
    FRAME_THREADED,
    encoder_options,
    encoding_threads,
)
from faceloom.video.encoding.thread_priority import same_thread_priority
from faceloom.video.ffmpeg_errors import FFMPEG_ERRORS, reason
from faceloom.video.hdr.display_rendition import HLG, PQ
from faceloom.video.info import ColorTags, VideoInfo

# BT.709, limited range: the color tags of a video made from RGB.
BT709 = ColorTags(primaries=1, transfer=1, matrix=1, range=1)
_CODECS = {"x264": X264, "x265": X265, "vp9": VP9, "svtav1": SVTAV1, "png": PNG}
# Least width in pixels; libx265 writes beyond its memory for narrower frames, such as 48x64.
_MIN_X265_WIDTH = 64
# Memory that an encoder needs per pixel of a frame, in bytes: it keeps dozens of frames.
_BYTES_PER_PIXEL = 200
# FFmpeg's name of the container that `default_encoder` is asked about where there is none.
DEFAULT_CONTAINER = "mp4"
# The value of --encoder that lets `default_encoder` choose.
AUTO = "auto"
# Values of --encoder.
ENCODERS = (AUTO, "x264", "x265", "vp9", "svtav1", "nvenc", "lossless", "png")


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding that the user asks for."""

    encoder: str = AUTO
    """One of `ENCODERS`; "auto" is replaced by `default_encoder`."""

    quality: int | None = None
    """0 to 100; None: the default of `encoder_options`."""

    speed: str = DEFAULT_SPEED
    """One of `SPEEDS`: larger files in less time, or smaller ones in more, of about one quality."""

    options: tuple[tuple[str, str], ...] = ()
    """FFmpeg options of the encoder; they override all other settings."""

    @classmethod
    def parse(
        cls,
        encoder: str = AUTO,
        quality: int | None = None,
        options: Sequence[str] = (),
        speed: str = DEFAULT_SPEED,
    ) -> "Encoding":
        """Check the values of the command line.

        Args:
            encoder: Value of --encoder.
            quality: Value of --quality.
            options: Values of --encoder-option, as key=value.
            speed: Value of --speed.

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
        if speed not in SPEEDS:
            raise UsageError(f"--speed {speed} is unknown; choose one of {', '.join(SPEEDS)}.")
        pairs = tuple(
            (key, value) for key, _, value in (option.partition("=") for option in options)
        )
        if invalid := next((option for option in options if "=" not in option), None):
            raise UsageError(f"--encoder-option {invalid} is not of the form key=value.")
        return cls(encoder, quality, speed, pairs)


DEFAULT_ENCODING = Encoding()


def default_encoder(container: str, info: VideoInfo) -> str:
    """Choose the encoder if the user names none.

    Args:
        container: FFmpeg's name of the output's container, such as "mp4" or "webm".
        info: The source.

    Returns:
        One of `ENCODERS`, other than "auto", that the container can hold.
    """
    if container != "webm":
        # Players and phones decode HDR only as HEVC or AV1.
        is_hdr = info.color.transfer in (PQ, HLG) and _depth(info.pixel_format) > 8
        return "x265" if is_hdr and info.width >= _MIN_X265_WIDTH else "x264"
    # WebM holds VP8, VP9 and AV1. libvpx is built for 8 bits; SVT-AV1 takes even sizes only.
    even = info.width % 2 == info.height % 2 == 0
    return "svtav1" if even and _depth(info.pixel_format) > 8 else "vp9"


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
    options = encoder_options(info, codec, encoding.speed, encoding.quality, encoding.options)
    segment_format = codec.segment_format
    if codec is VP9 and has_alpha(pixel_format):
        # Alternate reference frames and MP4 have no transparency.
        options["auto-alt-ref"], segment_format = "0", "matroska"
    return EncoderConfig(codec.name, options, pixel_format, color, segment_format)


def check_encoder(info: VideoInfo, encoding: Encoding) -> None:
    """Open the encoder once, to report errors before the work starts.

    Args:
        info: The source.
        encoding: What the user asked for.

    Raises:
        UsageError: If the encoder rejects its options.
        MemoryExhausted: If it has too little memory.
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
    context.thread_count = encoding_threads(config.codec, info)
    if config.codec in FRAME_THREADED:
        # FFmpeg's default for x264 is slices, which cost 6 % of the size and half of the speed-up.
        context.thread_type = "FRAME"
    # For concatenation: parameter sets in the container's header and closed GOPs.
    context.flags |= Flags.global_header | Flags.closed_gop
    if config.codec == "libsvtav1":
        # SVT-AV1 logs to stderr and only listens to this variable (1: errors).
        os.environ.setdefault("SVT_LOG", "1")
    try:
        with same_thread_priority():
            context.open()
    except FFMPEG_ERRORS as error:
        raise _open_error(config, encoding, info, error) from error


def _open_error(
    config: EncoderConfig, encoding: Encoding, info: VideoInfo, error: Exception
) -> ProviderMissing | UsageError | MemoryExhausted:
    # x264 reports a failed allocation in the same way as a wrong option.
    if available_memory() < _BYTES_PER_PIXEL * info.width * info.height:
        return MemoryExhausted(
            f"{config.codec} does not start, since there is too little memory for its frames; "
            "close other programs and run the same command again."
        )
    if encoding.encoder == "nvenc":
        return ProviderMissing(
            f"{config.codec} does not run on this machine (no NVIDIA GPU with an encoder, or no "
            "driver); leave out --encoder to encode on the CPU."
        )
    options = " ".join(f"{key}={value}" for key, value in config.options.items())
    return UsageError(
        f"{config.codec} does not start with {options} ({reason(error)}); check --encoder-option."
    )


def _codec_for(info: VideoInfo, encoding: Encoding) -> Codec:
    if encoding.encoder == "nvenc":
        return H264_NVENC if _depth(info.pixel_format) <= 8 else HEVC_NVENC
    if encoding.encoder == "lossless":
        return X264_LOSSLESS if _x264_keeps(info) else FFV1
    encoder = encoding.encoder
    if encoder == AUTO:
        encoder = default_encoder(DEFAULT_CONTAINER, info)
    return _CODECS[encoder]


def _x264_keeps(info: VideoInfo) -> bool:
    """Return whether x264 stores the source's pixel format and size without loss."""
    pixel_format = base_format_name(info.pixel_format)
    return (
        pixel_format in map(base_format_name, _supported_formats("libx264"))
        # x264's gray is decoded as 4:2:0.
        and not pixel_format.startswith("gray")
        and not _splits_chroma(pixel_format, info)
    )


def _pixel_format(info: VideoInfo, codec: Codec) -> str:
    """Return the source's own pixel format if the encoder supports it, else the nearest one.

    RGB becomes 4:2:0, which every player supports, unless the encoder is lossless.
    """
    supported = codec.pixel_formats or _supported_formats(codec.name)
    pixel_format = info.pixel_format
    if _is_rgb(pixel_format) and codec.quality:
        pixel_format = "yuv420p" if _depth(pixel_format) <= 8 else "yuv420p10le"
    if pixel_format.startswith("gray") and pixel_format not in supported:
        # The nearest would be RGB.
        pixel_format = "yuv420p" if _depth(pixel_format) <= 8 else "yuv420p10le"
    if pixel_format not in supported:
        # By the base name: find_best counts full range as a loss, but the color tags keep it.
        nearest, _ = find_best_pix_fmt_of_list(
            supported,
            base_format_name(pixel_format),
            has_alpha(pixel_format) and codec.quality is None,
        )
        assert nearest is not None, "every encoder supports some format"
        pixel_format = nearest.name
    if codec is X265 and info.width < _MIN_X265_WIDTH:
        raise UsageError(
            f"{info.path} is {info.width} pixels wide and libx265 needs {_MIN_X265_WIDTH}; choose "
            "another --encoder."
        )
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


def base_format_name(pixel_format: str) -> str:
    """Return a pixel format's name without the "j" that marks full range.

    Args:
        pixel_format: FFmpeg's name, such as "yuvj420p".
    """
    return pixel_format.replace("yuvj", "yuv")


def _is_rgb(pixel_format: str) -> bool:
    described = av.VideoFormat(pixel_format)
    return described.is_rgb or described.has_palette


def has_alpha(pixel_format: str) -> bool:
    """Return whether a pixel format has transparency.

    Args:
        pixel_format: FFmpeg's name, such as "yuva420p".
    """
    return pixel_format == "pal8" or any(
        part.is_alpha for part in av.VideoFormat(pixel_format).components
    )


def _depth(pixel_format: str) -> int:
    """Bits per component."""
    return max((part.bits for part in av.VideoFormat(pixel_format).components), default=8)
