"""Transparency of VP8 and VP9 in WebM and Matroska, which only libvpx decodes."""

from collections.abc import Callable

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

# Tag of a stream whose packets carry a second picture, the alpha plane.
ALPHA_TAG = "alpha_mode"
# FFmpeg's decoder of each codec that can have one.
_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# What libvpx decodes it to.
ALPHA_FORMAT = "yuva420p"


def has_alpha_plane(stream: VideoStream) -> bool:
    """Return whether a stream says that it has transparency, and FFmpeg can decode it.

    Args:
        stream: The stream of an open source.
    """
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    return (
        tags.get(ALPHA_TAG) == "1"
        and stream.codec_context.codec.canonical_name in _DECODERS
        and stream.codec_context.pix_fmt == "yuv420p"
    )


def decoder_of(
    stream: VideoStream,
) -> "Callable[[Packet[VideoStream]], list[av.VideoFrame]]":
    """Return the function that decodes a stream's packets, with their transparency.

    Args:
        stream: The stream of an open source.
    """
    if not has_alpha_plane(stream):
        return lambda packet: packet.decode()
    codec = _DECODERS[stream.codec_context.codec.canonical_name]
    context = av.CodecContext.create(codec, "r")
    assert isinstance(context, VideoCodecContext), "a video decoder"
    context.extradata = stream.codec_context.extradata
    context.options = dict(stream.codec_context.options)
    return lambda packet: context.decode(packet if packet.size else None)
