"""FFmpeg's libraries inside PyAV: an encoder counts when it has encoded a picture."""

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from faceloom.doctor.finding import Finding

# With the options that keep each from talking on standard error.
_ENCODERS = {
    "libx264": {},
    "libx265": {"x265-params": "log-level=none"},
    "libsvtav1": {},
    "h264_nvenc": {},
    "hevc_nvenc": {},
}
# Everything is written with it.
_NEEDED = "libx264"


def check() -> Iterator[Finding]:
    """Say which encoders work."""
    versions = ", ".join(
        f"{name} {'.'.join(map(str, av.library_versions[name]))}"
        for name in ("libavcodec", "libavformat")
    )
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 takes its log level from here alone
    yield Finding("PyAV", "ok", f"{av.__version__} ({versions})")
    for name, options in _ENCODERS.items():
        works = _encodes(name, options)
        if works:
            yield Finding(f"encoder {name}", "ok", "encoded a picture")
        elif name == _NEEDED:
            yield Finding(
                f"encoder {name}",
                "failed",
                "does not run",
                "reinstall PyAV's wheel: pip install av",
            )
        else:
            yield Finding(f"encoder {name}", "missing", "does not run here")


def _encodes(name: str, options: dict[str, str]) -> bool:
    try:
        encoder = cast("VideoCodecContext", av.CodecContext.create(name, "w"))
        encoder.options = options
        encoder.width, encoder.height = 256, 256
        encoder.pix_fmt = "yuv420p"
        encoder.time_base = Fraction(1, 25)
        picture = av.VideoFrame.from_ndarray(np.zeros((256, 256, 3), np.uint8), "rgb24").reformat(
            format="yuv420p"
        )
        picture.pts = 0
        return bool([*encoder.encode(picture), *encoder.encode(None)])
    except (av.FFmpegError, ValueError):
        return False
