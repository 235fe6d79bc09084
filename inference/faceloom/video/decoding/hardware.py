"""Decode a video on an NVIDIA GPU (NVDEC), where FFmpeg, the driver and the video allow it."""

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import av
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from faceloom.video.decoding.alpha import has_alpha_plane
from faceloom.video.ffmpeg_errors import reason
from faceloom.video.info import ColorTags
from faceloom.video.pixel_format import convert_pixel_format

log = logging.getLogger(__name__)

# FFmpeg's name of the device.
_DEVICE = "cuda"
# Pixel formats whose frames the GPU returns with the same samples in another order (NV12, P010,
# P016).
_PIXEL_FORMATS = frozenset(["yuv420p", "yuvj420p", "yuv420p10le", "yuv420p12le"])


def hardware_decoder_of(
    stream: VideoStream, path: Path
) -> "Callable[[Packet[VideoStream]], list[av.VideoFrame]] | None":
    """Return the function that decodes a stream's packets on the GPU.

    Its frames are in memory, in the pixel format of the software decoder.

    Args:
        stream: The stream of an open source.
        path: The video, for messages.

    Returns:
        The function; None, with a warning, if the video must be decoded in software.
    """
    pixel_format = stream.codec_context.pix_fmt
    if has_alpha_plane(stream):
        _warn(path, "the GPU decoder is not used for transparency")
        return None
    if pixel_format not in _PIXEL_FORMATS:
        _warn(path, f"the GPU decoder is not used for {pixel_format or 'its pixel format'}")
        return None
    try:
        context = _open_context(stream)
    except av.FFmpegError as error:
        _warn(path, f"no NVIDIA GPU can be opened ({reason(error)})")
        return None
    if context is None:
        codec = stream.codec_context.name
        _warn(path, f"this FFmpeg has no GPU decoder for {codec}")
        return None
    return _Decoder(context.decode, pixel_format, path).decode


class _Decoder:
    """Decodes packets and restores the pixel format."""

    def __init__(
        self,
        decode: "Callable[[Packet[VideoStream] | None], list[av.VideoFrame]]",
        pixel_format: str,
        path: Path,
    ):
        self._decode, self._pixel_format, self._path = decode, pixel_format, path
        self._is_first = True

    def decode(self, packet: "Packet[VideoStream]") -> list[av.VideoFrame]:
        return [self._restore(frame) for frame in self._decode(packet if packet.size else None)]

    def _restore(self, frame: av.VideoFrame) -> av.VideoFrame:
        in_software = frame.format.name == self._pixel_format
        if in_software and self._is_first:
            _warn(self._path, "the GPU decoder does not support this video")
        self._is_first = False
        if in_software:
            return frame
        color = ColorTags(
            frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range
        )
        return convert_pixel_format(frame, self._pixel_format, color)


def _open_context(stream: VideoStream) -> VideoCodecContext | None:
    """Open a decoder on the GPU; None if there is none for the codec."""
    if _DEVICE not in hwdevices_available():
        return None
    context = _new_context(stream, HWAccel(_DEVICE, allow_software_fallback=True))
    return context if context.is_hwaccel else None


def _new_context(stream: VideoStream, device: HWAccel | None) -> VideoCodecContext:
    original = stream.codec_context
    context = av.CodecContext.create(original.codec, "r", hwaccel=device)
    assert isinstance(context, VideoCodecContext), "a video decoder"
    context.extradata = original.extradata
    context.width, context.height = original.width, original.height
    context.options = dict(original.options)
    return context


# Once for a video and a reason: an estimate, for one, opens a video several times.
@lru_cache(maxsize=64)
def _warn(path: Path, why: str) -> None:
    log.warning("%s is decoded in software: %s.", path, why)
