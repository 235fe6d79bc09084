"""How pictures are encoded: which encoder, how good, in which pixel format."""

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

BT709 = ColorTags(primaries=1, transfer=1, matrix=1, range=1)
DEFAULT_QUALITY = 75
# Options of FFmpeg that set the quality, each in its way.
_RATES = ("b", "crf", "cq", "qp", "global_quality")


@dataclass(frozen=True, slots=True)
class _Codec:
    """An encoder of FFmpeg and what it is told.

    `rate` is the option that sets the quality and its value at quality 0; each point of quality takes `slope` off.
    `formats` are the pixel formats it is given, all that it takes if empty. `segment` is the container that keeps
    exact times of it.
    """

    name: str
    options: dict[str, str]
    rate: tuple[str, float, float] | None = None
    formats: tuple[str, ...] = ()
    segment: str = "mov"


# Quality 75 is x264's crf 17, visually lossless at a size one can share. The others' lines go through x264's PSNR at
# 50 (41.7 dB on the sample, within 0.15); at 75, where x264 has 47.0 dB, x265 has 45.8 and SVT-AV1 43.2.
_X264 = _Codec("libx264", {"preset": "fast"}, ("crf", 44, 0.36))
_X265 = _Codec(
    "libx265", {"preset": "fast", "x265-params": "log-level=error:open-gop=0"}, ("crf", 40, 0.32)
)
_SVTAV1 = _Codec("libsvtav1", {"preset": "8"}, ("crf", 53, 0.44), segment="mp4")
_NVENC_FORMATS = ("yuv420p", "p010le", "yuv444p", "yuv444p16le")
_H264_NVENC = _Codec(
    "h264_nvenc", {"preset": "p5", "rc": "vbr", "b": "0"}, ("cq", 46, 0.36), _NVENC_FORMATS
)
_HEVC_NVENC = _Codec(
    "hevc_nvenc", {"preset": "p5", "rc": "vbr", "b": "0"}, ("cq", 46, 0.36), _NVENC_FORMATS
)
_X264_LOSSLESS = _Codec("libx264", {"preset": "fast", "qp": "0"})
_FFV1 = _Codec("ffv1", {"level": "3", "slicecrc": "1"}, segment="matroska")
# Level 1 takes a third of the time of the default and 10 % more room.
_PNG = _Codec("png", {"compression_level": "1"})


ENCODERS = ("x264", "x265", "svtav1", "nvenc", "lossless", "png")


@dataclass(frozen=True, slots=True)
class Encoding:
    """What the user asks for.

    quality: 0 to 100 (see `_Codec.rate`), None for the default of 75. options: FFmpeg's own for the encoder, which
    win over everything else.
    """

    encoder: str = "x264"
    quality: int | None = None
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(
        cls, encoder: str = "x264", quality: int | None = None, options: Sequence[str] = ()
    ) -> "Encoding":
        """Check what the command line gives, `options` as key=value; raise UsageError for what cannot be."""
        if encoder not in ENCODERS:
            raise UsageError(f"There is no encoder {encoder}; choose one of {', '.join(ENCODERS)}.")
        if quality is not None and not 0 <= quality <= 100:
            raise UsageError(f"--quality {quality} is not between 0 and 100.")
        if quality is not None and encoder in ("lossless", "png"):
            raise UsageError(
                f"--quality has no use with --encoder {encoder}, which loses nothing; leave it out."
            )
        pairs = tuple(
            (key, value) for key, _, value in (option.partition("=") for option in options)
        )
        if wrong := next((option for option in options if "=" not in option), None):
            raise UsageError(f"--encoder-option {wrong} is not of the form key=value.")
        return cls(encoder, quality, pairs)


DEFAULT_ENCODING = Encoding()


@dataclass(frozen=True, slots=True)
class Coding:
    """What an `Encoding` comes to for one video: codec, its options, and how the pictures reach it."""

    codec: str
    options: dict[str, str]
    pixel_format: str
    color: ColorTags
    segment: str


def coding_of(info: VideoInfo, encoding: Encoding) -> Coding:
    """Decide how a video is encoded; raise UsageError where the encoder cannot."""
    codec = _codec_of(info, encoding)
    pixel_format = _pixel_format(info, codec)
    options = dict(codec.options)
    rated = encoding.quality is None and any(key in _RATES for key, _ in encoding.options)
    if codec.rate and not rated:
        key, at_zero, slope = codec.rate
        quality = DEFAULT_QUALITY if encoding.quality is None else encoding.quality
        options[key] = f"{at_zero - slope * quality:g}"
    if codec.name == "libx264" and has_avx512():
        # With AVX-512 its macroblock tree reads memory that nobody wrote: the same pictures become other bytes.
        options["x264-params"] = "asm=avx2"
    if "rc-lookahead" in _known_options(codec.name):
        options["rc-lookahead"] = str(_looked_ahead(info))
    for key, value in encoding.options:
        _refuse_unknown(codec.name, key)
        # Lists of the encoder's own options are added to, as ours hold what joining needs.
        options[key] = (
            f"{options[key]}:{value}" if key.endswith("-params") and key in options else value
        )
    # H.264 and its kind have no RGB, and a GIF's colors are those of a screen.
    from_rgb = _is_rgb(info.pixel_format) or info.color.matrix == 0
    color = BT709 if from_rgb and not _is_rgb(pixel_format) else info.color
    return Coding(codec.name, options, pixel_format, color, codec.segment)


def _looked_ahead(info: VideoInfo) -> int:
    """How many pictures x264 holds back to plan by: of large ones fewer, as 30 of 4K are more than a gigabyte."""
    return max(5, min(30, 20_000_000 // (info.width * info.height)))


def check_encoder(info: VideoInfo, encoding: Encoding) -> None:
    """Open the encoder once, for nothing, so that what cannot be is said before the work.

    Raises what `open_encoder` raises.
    """
    coding = coding_of(info, encoding)
    context = av.CodecContext.create(coding.codec, "w")
    assert isinstance(context, VideoCodecContext), "only such are in the table"
    context.framerate = info.average_rate
    open_encoder(context, info, encoding, coding)


def open_encoder(
    context: VideoCodecContext, info: VideoInfo, encoding: Encoding, coding: Coding
) -> None:
    """Tell an encoder what it will get, and open it.

    Raises UsageError for options that it refuses, ProviderMissing for one that does not run on this machine.
    """
    context.options, context.time_base = dict(coding.options), info.time_base
    context.width, context.height = info.width, info.height
    context.pix_fmt = coding.pixel_format
    context.sample_aspect_ratio = info.sample_aspect_ratio
    context.color_primaries = coding.color.primaries
    context.color_trc = coding.color.transfer
    context.colorspace = coding.color.matrix
    context.color_range = coding.color.range
    # Headers once in the file's, and no picture that looks back over a key frame: so files can be joined.
    context.flags |= Flags.global_header | Flags.closed_gop
    if coding.codec == "libsvtav1":
        # It talks otherwise, and only listens to this.
        os.environ.setdefault("SVT_LOG", "1")
    try:
        context.open()
    except (av.FFmpegError, ValueError) as error:
        raise _not_opened(coding, encoding, error) from error


def _not_opened(
    coding: Coding, encoding: Encoding, error: Exception
) -> ProviderMissing | UsageError:
    if encoding.encoder == "nvenc":
        return ProviderMissing(
            f"{coding.codec} does not run on this machine (no NVIDIA GPU with an encoder, or its driver); "
            "leave --encoder out to encode on the processor."
        )
    told = " ".join(f"{key}={value}" for key, value in coding.options.items())
    reason = getattr(error, "strerror", None) or str(error)
    return UsageError(
        f"{coding.codec} does not start with {told} ({reason.lower()}); check --encoder-option."
    )


def _codec_of(info: VideoInfo, encoding: Encoding) -> _Codec:
    if encoding.encoder == "nvenc":
        return _H264_NVENC if _depth(info.pixel_format) <= 8 else _HEVC_NVENC
    if encoding.encoder == "lossless":
        wanted = plain_name(info.pixel_format)
        halved = _odd_for(wanted, info)
        # What x264 writes of gray comes back as 4:2:0.
        kept = (
            wanted in map(plain_name, _taken("libx264"))
            and not wanted.startswith("gray")
            and not halved
        )
        return _X264_LOSSLESS if kept else _FFV1
    return {"x264": _X264, "x265": _X265, "svtav1": _SVTAV1, "png": _PNG}[encoding.encoder]


def _pixel_format(info: VideoInfo, codec: _Codec) -> str:
    """Return the source's own format if the encoder takes it, else the nearest that it does.

    RGB becomes 4:2:0, which every player plays, unless nothing may be lost.
    """
    taken = codec.formats or _taken(codec.name)
    wanted = info.pixel_format
    if _is_rgb(wanted) and codec.rate:
        wanted = "yuv420p" if _depth(wanted) <= 8 else "yuv420p10le"
    if wanted not in taken:
        # find_best takes full range for a loss, which the tag beside keeps.
        nearest, _ = find_best_pix_fmt_of_list(
            taken, plain_name(wanted), _has_alpha(wanted) and codec.rate is None
        )
        assert nearest is not None, "every encoder takes some format"
        wanted = nearest.name
    if codec.name != "ffv1" and _odd_for(wanted, info):
        whole = "yuv444p" if _depth(wanted) <= 8 else "yuv444p10le"
        if whole not in taken:
            raise UsageError(
                f"{info.path} is {info.width}x{info.height} and {codec.name} takes only even sizes; "
                "choose another --encoder."
            )
        return whole
    return wanted


def _odd_for(pixel_format: str, info: VideoInfo) -> bool:
    """Tell whether chroma samples of this format would stick out of the picture."""
    described = av.VideoFormat(pixel_format, 16, 16)
    across = 16 // min(part.width for part in described.components)
    down = 16 // min(part.height for part in described.components)
    return bool(info.width % across or info.height % down)


@cache
def _taken(codec: str) -> tuple[str, ...]:
    return tuple(kind.name for kind in av.codec.Codec(codec, "w").video_formats or ())


@cache
def _known_options(codec: str) -> frozenset[str]:
    known = av.CodecContext.create(codec, "w").supported_options
    return frozenset(option.name for option in (*known.generic, *known.private))


def _refuse_unknown(codec: str, key: str) -> None:
    if key not in _known_options(codec):
        near = get_close_matches(key, _known_options(codec), 1)
        hint = f"; did you mean {near[0]}?" if near else "; see ffmpeg -h encoder=" + codec + "."
        raise UsageError(f"{codec} has no option {key}{hint}")


def plain_name(pixel_format: str) -> str:
    """Return the format's name without the j that says full range, which a tag says too."""
    return pixel_format.replace("yuvj", "yuv")


def _is_rgb(pixel_format: str) -> bool:
    described = av.VideoFormat(pixel_format)
    return described.is_rgb or described.has_palette


def _has_alpha(pixel_format: str) -> bool:
    return pixel_format == "pal8" or any(
        part.is_alpha for part in av.VideoFormat(pixel_format).components
    )


def _depth(pixel_format: str) -> int:
    return max((part.bits for part in av.VideoFormat(pixel_format).components), default=8)
