"""Check FFmpeg's encoders in PyAV: each one encodes a picture."""

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from faceloom.doctor.check_result import CheckResult
from faceloom.video.encoding.thread_priority import same_thread_priority
from faceloom.video.ffmpeg_errors import FFMPEG_ERRORS

# Encoders, with the options that keep each from printing on standard error.
_ENCODERS = {
    "libx264": {},
    "libx265": {"x265-params": "log-level=none"},
    "libsvtav1": {},
    "h264_nvenc": {},
    "hevc_nvenc": {},
}
# The default encoder, which must work.
_REQUIRED = "libx264"
# Side of the picture that is encoded, in pixels.
_SIDE = 256


def check() -> Iterator[CheckResult]:
    """Report FFmpeg's versions and check each encoder.

    Yields:
        The results.
    """
    versions = ", ".join(
        f"{name} {'.'.join(map(str, av.library_versions[name]))}"
        for name in ("libavcodec", "libavformat")
    )
    # SVT-AV1 reads its log level only from this variable.
    os.environ.setdefault("SVT_LOG", "1")
    yield CheckResult("PyAV", "ok", f"{av.__version__} ({versions})")
    for encoder, options in _ENCODERS.items():
        name = f"encoder {encoder}"
        if _encodes(encoder, options):
            yield CheckResult(name, "ok", "encoded a picture")
        elif encoder == _REQUIRED:
            yield CheckResult(name, "failed", "does not run", "reinstall PyAV: pip install av")
        else:
            yield CheckResult(name, "missing", "does not run on this machine")


def _encodes(name: str, options: dict[str, str]) -> bool:
    try:
        encoder = cast("VideoCodecContext", av.CodecContext.create(name, "w"))
        encoder.options = options
        encoder.width, encoder.height = _SIDE, _SIDE
        encoder.pix_fmt = "yuv420p"
        encoder.time_base = Fraction(1, 25)
        black = np.zeros((_SIDE, _SIDE, 3), np.uint8)
        picture = av.VideoFrame.from_ndarray(black, "rgb24").reformat(format="yuv420p")
        picture.pts = 0
        with same_thread_priority():
            return bool([*encoder.encode(picture), *encoder.encode(None)])
    except FFMPEG_ERRORS:
        return False
