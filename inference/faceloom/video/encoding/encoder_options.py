"""The options that FFmpeg's encoders get."""

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache

import av

from faceloom.errors import UsageError
from faceloom.hardware import available_cores, has_avx512
from faceloom.video.encoding.codec_table import Codec
from faceloom.video.info import VideoInfo

# On the scale of 0 to 100: x264's crf 17, visually lossless at a size that can be shared.
DEFAULT_QUALITY = 75
# FFmpeg options that control the quality; giving one replaces the quality scale.
_RATE_OPTIONS = ("b", "crf", "cq", "qp", "global_quality")
# Encoders whose threads work on frames of their own; both give the same bytes for one number.
FRAME_THREADED = ("libx264", "libx265")
# Most frames that are encoded at once.
_MAX_THREADS = 16
# Frames that are encoded at once whatever their size: fewer would leave cores idle.
_MIN_THREADS = 4
# Rows of the picture for each of them: a frame may refer to the rows of the one before it that are
# done, so that more threads leave less of it.
_ROWS_PER_THREAD = 64
# With row-mt, libvpx writes other bytes with one thread than with several; any number from 2 to 16
# gives the same (measured).
_MIN_VP9_THREADS = 2
# Most pixels that are encoded at once: x264 keeps about 3 bytes of memory for each.
_MAX_THREADED_PIXELS = 17_000_000


def encoder_options(
    info: VideoInfo,
    codec: Codec,
    speed: str,
    quality: int | None,
    given: Sequence[tuple[str, str]],
) -> dict[str, str]:
    """Return the options of an encoder for a video.

    Args:
        info: The source.
        codec: The encoder.
        speed: One of `SPEEDS`.
        quality: 0 to 100; None: `DEFAULT_QUALITY`, or what the given options say.
        given: The user's options, which override all others.

    Raises:
        UsageError: If the encoder does not have a given option.
    """
    setting = codec.speeds[speed]
    options = codec.options | setting.options
    user_rate = quality is None and any(key in _RATE_OPTIONS for key, _ in given)
    if codec.quality and not user_rate:
        used = DEFAULT_QUALITY if quality is None else quality
        options[codec.quality.option] = codec.quality.value(used, setting.quality_offset)
    if codec.name == "libx264" and has_avx512():
        # With AVX-512, x264's macroblock tree reads uninitialized memory: the output of the same
        # frames would differ from run to run.
        options["x264-params"] = "asm=avx2"
    if "rc-lookahead" in _known_options(codec.name):
        options["rc-lookahead"] = str(_lookahead(info))
    metadata = info.hdr_metadata.encoder_options(codec.name) if info.hdr_metadata else {}
    for key, _ in given:
        _check_option(codec.name, key)
    for key, value in (*metadata.items(), *given):
        # Append to "...-params" lists: our entries are needed for concatenation.
        options[key] = (
            f"{options[key]}:{value}" if key.endswith("-params") and key in options else value
        )
    return options


def encoding_threads(codec: str, info: VideoInfo) -> int:
    """Return how many threads an encoder gets; 0: the encoder chooses, by the machine's cores.

    Args:
        codec: FFmpeg's name of the encoder.
        info: The source.
    """
    if codec in FRAME_THREADED:
        return frame_threads(info)
    if codec == "libvpx-vp9":
        return max(_MIN_VP9_THREADS, available_cores())
    return 0


def frame_threads(info: VideoInfo) -> int:
    """Return how many frames x264 and x265 encode at once.

    It depends on the video alone, not on the machine: the output of x264 differs with it, and an
    interrupted conversion may go on elsewhere.

    Args:
        info: The source.
    """
    by_rows = info.height // _ROWS_PER_THREAD
    by_memory = max(_MIN_THREADS, _MAX_THREADED_PIXELS // (info.width * info.height))
    return max(1, min(_MAX_THREADS, by_rows, by_memory))


def _lookahead(info: VideoInfo) -> int:
    """Frames of rate-control lookahead: fewer for large frames, as 30 of 4K exceed 1 GB."""
    return max(5, min(30, 20_000_000 // (info.width * info.height)))


@cache
def _known_options(codec: str) -> frozenset[str]:
    known = av.CodecContext.create(codec, "w").supported_options
    return frozenset(option.name for option in (*known.generic, *known.private))


def _check_option(codec: str, key: str) -> None:
    if key not in _known_options(codec):
        near = get_close_matches(key, _known_options(codec), 1)
        hint = f"; did you mean {near[0]}?" if near else f"; see ffmpeg -h encoder={codec}."
        raise UsageError(f"{codec} has no option {key}{hint}")
