"""Copy sound, subtitles, attachments, chapters and tags of a source bit for bit."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Stream

from faceloom.errors import UsageError
from faceloom.video.info import VideoInfo
from faceloom.video.safe_open import open_input

_COPIED = ("audio", "subtitle")
# What describes the old file or how it was made. The rest was written by a person about the video.
_TECHNICAL = frozenset(
    "encoder duration major_brand minor_version compatible_brands vendor_id "
    "number_of_frames number_of_bytes bps".split()
)
# Seconds before a range in which a subtitle that reaches into it may begin.
_LOOK_BACK = 60
# Seconds of packets that may come later in a file than their times say.
_DISORDER = 10


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the source's clock in seconds; `end` None means to its end. What begins it becomes 0."""

    begin: Fraction
    end: Fraction | None = None


class StreamCopy:
    """The other streams of a source, copied piecewise beside the pictures."""

    def __init__(
        self,
        packets: "Iterator[Packet[Stream]]",
        target: OutputContainer,
        streams: dict[int, Stream],
    ):
        self._packets = packets
        self._target = target
        self._streams = streams

    @classmethod
    @contextmanager
    def open(
        cls, info: VideoInfo, target: OutputContainer, name: Path, span: Span
    ) -> Iterator["StreamCopy"]:
        """Open the source a second time, as its packets are read at the pace of the pictures.

        Only what lies in `span` is copied; its begin is taken off every time, as it is from the pictures'.
        Raises UsageError if the target's container cannot hold one of the streams.
        """
        if info.kind == "pictures":
            yield cls(iter(()), target, {})
            return
        with open_input(info.path) as source:
            refuse_uncopied(source, target, name)
            target.metadata.update(worth_keeping(source.metadata))
            if chapters := [
                c for chapter in source.chapters() if (c := _clipped(chapter, span)) is not None
            ]:
                target.set_chapters(chapters)
            partial = span.begin > info.start or span.end is not None
            streams = {
                s.index: _add_copy(s, target, partial) for s in source.streams if s.type in _COPIED
            }
            for attachment in attachments_of(source, target):
                filename = attachment.metadata.get("filename", "attachment")
                mimetype = attachment.mimetype or "application/octet-stream"
                target.add_attachment(filename, mimetype, attachment.data)
            yield cls(_within(source, list(streams), span, info.start), target, streams)

    def copy_until(self, seconds: Fraction) -> None:
        """Copy every packet that begins before `seconds` of the new clock, and the one that crosses it."""
        for packet in self._packets:
            begins = self._copy(packet)
            if begins > seconds:
                return

    def copy_rest(self) -> None:
        """Copy what is left."""
        for packet in self._packets:
            self._copy(packet)

    def _copy(self, packet: "Packet[Stream]") -> Fraction:
        begins = (packet.dts or 0) * packet.time_base
        packet.stream = self._streams[packet.stream.index]
        self._target.mux(packet)
        return begins


def source_tags(info: VideoInfo) -> dict[str, str]:
    """Return the tags that are copied from a source; pictures have none."""
    if info.kind == "pictures":
        return {}
    with open_input(info.path) as source:
        return worth_keeping(source.metadata)


def refuse_uncopied(source: InputContainer, target: OutputContainer, name: Path) -> None:
    """Raise UsageError if the target's container cannot hold one of the source's streams."""
    for stream in source.streams:
        codec = _codec_name(stream)
        if stream.type in _COPIED and codec not in target.supported_codecs:
            raise UsageError(
                f"{name} cannot hold the source's {stream.type} ({codec}); name the output .mkv, which can."
            )


def attachments_of(source: InputContainer, target: OutputContainer) -> list[AttachmentStream]:
    """Return the source's attachments (fonts) if the target's container has such."""
    if "matroska" not in target.format.name:
        return []
    return [stream for stream in source.streams if isinstance(stream, AttachmentStream)]


def left_out(source: InputContainer, target: OutputContainer) -> list[str]:
    """Name, in words, what of the source is not copied."""
    kept = {stream.index for stream in attachments_of(source, target)}
    kept |= {stream.index for stream in source.streams if stream.type in _COPIED}
    if source.chapters():
        # MP4 has the names of its chapters in a stream, too.
        kept |= {stream.index for stream in source.streams.data}
    videos = [
        s for s in source.streams.video if not s.disposition & av.stream.Disposition.attached_pic
    ]
    kept |= {stream.index for stream in videos[:1]}
    words = {
        "video": "a second video or cover picture",
        "data": "data",
        "attachment": "an attachment",
    }
    return [
        f"stream {stream.index} ({words.get(stream.type, stream.type)}, {_codec_name(stream)})"
        for stream in source.streams
        if stream.index not in kept
    ]


def worth_keeping(metadata: Mapping[str, str], *, partial: bool = False) -> dict[str, str]:
    """Return the tags without those that describe the old file; `partial` drops what was counted over the whole."""
    return {
        key: value
        for key, value in metadata.items()
        if key.lower() not in _TECHNICAL and not (key.startswith("_STATISTICS") and partial)
    }


def _codec_name(stream: Stream) -> str:
    return stream.codec_context.codec.canonical_name if stream.codec_context else stream.type


def _add_copy(stream: Stream, target: OutputContainer, partial: bool) -> Stream:
    copy = target.add_stream_from_template(stream)
    copy.metadata.update(worth_keeping(stream.metadata, partial=partial))
    # Which language plays without being asked for.
    copy.disposition = stream.disposition
    return copy


def _within(
    source: InputContainer, wanted: Iterable[int], span: Span, start: Fraction
) -> "Iterator[Packet[Stream]]":
    """Yield the packets of a span, its begin as 0: subtitles cut there, sound from its first whole packet on."""
    streams = [source.streams[index] for index in wanted]
    # Without a stream to demux, PyAV would deliver all of them.
    if not streams:
        return
    if span.begin - start > _LOOK_BACK:
        source.seek(int((span.begin - _LOOK_BACK) * av.time_base))
    for packet in source.demux(streams):
        # The demuxer closes each stream with an empty packet without times.
        if packet.dts is None:
            continue
        begins = (packet.dts if packet.pts is None else packet.pts) * packet.time_base
        if span.end is not None and begins >= span.end:
            if begins > span.end + _DISORDER:
                return
            continue
        if span.begin <= start or begins >= span.begin or _cut(packet, span.begin):
            shift = round(span.begin / packet.time_base)
            packet.dts -= shift
            packet.pts = None if packet.pts is None else packet.pts - shift
            yield packet


def _cut(packet: "Packet[Stream]", begin: Fraction) -> bool:
    """Let a subtitle that reaches over `begin` begin there; say False of anything else."""
    if packet.stream.type != "subtitle" or packet.pts is None or not packet.duration:
        return False
    lost = round(begin / packet.time_base) - packet.pts
    if lost >= packet.duration:
        return False
    packet.pts = packet.dts = packet.pts + lost
    packet.duration -= lost
    return True


def _clipped(chapter: Any, span: Span) -> Any:
    """Return what of a chapter (PyAV's dict) lies in a span, None if nothing does."""
    base = chapter["time_base"] or Fraction(1, av.time_base)
    first, last = round(span.begin / base), None if span.end is None else round(span.end / base)
    start = max(chapter["start"], first)
    end = chapter["end"] if last is None else min(chapter["end"], last)
    if start >= end:
        return None
    return {**chapter, "start": start - first, "end": end - first}
