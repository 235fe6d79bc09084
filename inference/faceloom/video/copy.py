"""Copy sound, subtitles, chapters and tags of a source bit for bit."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from faceloom.errors import UsageError

_COPIED = ("audio", "subtitle")


class StreamCopy:
    """The other streams of a source, copied piecewise beside the pictures."""

    def __init__(self, source: InputContainer, target: OutputContainer, streams: dict[int, Stream], start: Fraction):
        self._target = target
        self._start = start
        self._streams = streams
        wanted = [source.streams[index] for index in streams]
        # Without a stream to demux, PyAV would deliver all of them.
        self._packets: Iterator["Packet[Stream]"] = source.demux(wanted) if wanted else iter(())

    @classmethod
    @contextmanager
    def open(
        cls, source_path: Path, target: OutputContainer, target_name: Path, start: Fraction
    ) -> Iterator["StreamCopy"]:
        """Open the source a second time, as its packets are read at the pace of the encoder.

        `start` seconds are taken off every time, as they are from the pictures'.
        Raises UsageError if the target's container cannot hold one of the streams.
        """
        with av.open(str(source_path)) as source:
            target.metadata.update({key: value for key, value in source.metadata.items() if key in _TAGS})
            if chapters := source.chapters():
                target.set_chapters(chapters)
            streams = {
                stream.index: _add_copy(stream, target, target_name)
                for stream in source.streams
                if stream.type in _COPIED
            }
            yield cls(source, target, streams, start)

    def copy_until(self, seconds: float) -> None:
        """Copy every packet that begins before `seconds`, and the one that crosses it."""
        for packet in self._packets:
            self._copy(packet)
            if packet.dts is not None and packet.dts * packet.time_base > seconds:
                return

    def copy_rest(self) -> None:
        """Copy what is left."""
        for packet in self._packets:
            self._copy(packet)

    def _copy(self, packet: "Packet[Stream]") -> None:
        # The demuxer closes each stream with an empty packet without times.
        if packet.dts is None:
            return
        shift = round(self._start / packet.time_base)
        packet.dts -= shift
        if packet.pts is not None:
            packet.pts -= shift
        packet.stream = self._streams[packet.stream.index]
        self._target.mux(packet)


# What a person wrote about the video; the rest (encoder, brands) describes the old file.
_TAGS = frozenset(
    "title artist album_artist album comment copyright creation_time date description genre language "
    "location show synopsis track".split()
)


def _add_copy(stream: Stream, target: OutputContainer, target_name: Path) -> Stream:
    codec = stream.codec_context.name if stream.codec_context else stream.type
    if codec not in target.supported_codecs:
        raise UsageError(
            f"{target_name} cannot hold the source's {stream.type} ({codec}); name the output .mkv, which can."
        )
    copy = target.add_stream_from_template(stream)
    copy.metadata.update(stream.metadata)
    # Which language plays without being asked for.
    copy.disposition = stream.disposition
    return copy
