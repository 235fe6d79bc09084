"""Encode frames into a file that keeps everything else of its source."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from faceloom.errors import UsageError
from faceloom.video.copy import StreamCopy
from faceloom.video.info import ColourTags, Frame, VideoInfo
from faceloom.video.pixels import from_rgb

# Extension -> FFmpeg's name of the container; the file is written as NAME.part, so FFmpeg cannot guess it.
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}

_BT709 = ColourTags(primaries=1, transfer=1, matrix=1, range=1)
# Visually lossless at a size one can share; "fast" keeps the encoder out of the way of the network.
_X264 = {"crf": "17", "preset": "fast"}


class VideoWriter:
    """A whole video file: swapped pictures, and every other stream of the source untouched.

    Use it through `VideoWriter.open`. Frames arrive in presentation order with the
    source's own times, so variable frame rates survive.
    """

    def __init__(self, container: OutputContainer, stream: VideoStream, info: VideoInfo, others: StreamCopy):
        self._container = container
        self._stream = stream
        self._info = info
        self._others = others
        self._pixel_format = _output_pixel_format(info)
        self._colour = _output_colour(info)
        self._durations: dict[int, int] = {}

    @classmethod
    @contextmanager
    def open(cls, part: Path, name: Path, info: VideoInfo) -> Iterator["VideoWriter"]:
        """Open `part` for writing in the container that the extension of `name` asks for.

        Raises UsageError if that container is unknown or cannot hold the source's other streams.
        """
        options = {"movflags": "+faststart"} if container_format(name) in ("mp4", "mov") else {}
        with av.open(str(part), "w", format=container_format(name), options=options) as container:
            pictures = _add_video_stream(container, info)
            with StreamCopy.open(info.path, container, name, info.start) as others:
                writer = cls(container, pictures, info, others)
                yield writer
                writer._finish()

    def write(self, frame: Frame) -> None:
        """Encode one frame; sound up to its time is copied first, so that the file stays interleaved."""
        picture = from_rgb(frame.rgb, self._pixel_format, self._colour)
        picture.pts = frame.pts - round(self._info.start / frame.time_base)
        picture.time_base = frame.time_base
        self._durations[picture.pts] = frame.duration
        self._others.copy_until(frame.seconds)
        self._mux(self._stream.encode(picture))

    def _finish(self) -> None:
        self._mux(self._stream.encode(None))
        self._others.copy_rest()

    def _mux(self, packets: "Iterable[Packet[VideoStream]]") -> None:
        for packet in packets:
            # The encoder forgets how long a picture stands, which for the last one nothing else tells.
            if duration := self._durations.pop(packet.pts or 0, 0):
                packet.duration = duration
            self._container.mux(packet)


def container_format(name: Path) -> str:
    """Return FFmpeg's container name for a file name; raise UsageError for one we do not write."""
    try:
        return CONTAINERS[name.suffix.lower()]
    except KeyError:
        known = ", ".join(CONTAINERS)
        raise UsageError(f"{name}: a video is written as {known}; choose one of these endings.") from None


def _add_video_stream(container: OutputContainer, info: VideoInfo) -> VideoStream:
    stream = container.add_stream("libx264", rate=info.average_rate, options=dict(_X264))
    context = stream.codec_context
    context.width, context.height = info.width, info.height
    context.pix_fmt = _output_pixel_format(info)
    context.time_base = info.time_base
    context.sample_aspect_ratio = info.sample_aspect_ratio
    colour = _output_colour(info)
    context.color_primaries = colour.primaries
    context.color_trc = colour.transfer
    context.colorspace = colour.matrix
    context.color_range = colour.range
    if info.rotation:
        stream.set_display_rotation(info.rotation)
    return stream


def _output_pixel_format(info: VideoInfo) -> str:
    """4:2:0, which every player plays; 4:4:4 where an odd size cannot be halved."""
    return "yuv420p" if info.width % 2 == 0 and info.height % 2 == 0 else "yuv444p"


def _output_colour(info: VideoInfo) -> ColourTags:
    """The source's own tags; BT.709 for a source that is coded as RGB, as the output is not."""
    coded_as_rgb = info.colour.matrix == 0 or info.pixel_format.startswith(("rgb", "bgr", "gbr", "pal", "argb", "abgr"))
    return _BT709 if coded_as_rgb else info.colour
