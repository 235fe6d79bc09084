"""Packets, tags and chapters of a source, as they are copied."""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Stream

from faceloom.video.ffmpeg_errors import as_media_unreadable
from faceloom.video.frame_range import TimeRange
from faceloom.video.probe import moving_pictures
from faceloom.video.streams.timecode import has_timecode

# Types of streams that are copied packet by packet.
COPIED_TYPES = ("audio", "subtitle")
# Tags that describe the source file or its encoder, not its content.
_TECHNICAL_TAGS = frozenset(
    "encoder duration major_brand minor_version compatible_brands vendor_id "
    "number_of_frames number_of_bytes bps".split()
)
# Seconds to seek before a range, to find subtitles that are still shown when it starts.
_LOOK_BACK_SECONDS = 60
# Seconds by which a packet may come later in a file than its timestamp suggests.
_MAX_DISORDER_SECONDS = 10


def copyable_attachments(source: InputContainer, target: OutputContainer) -> list[AttachmentStream]:
    """Return the source's attachments (fonts); empty if the target is not Matroska.

    Args:
        source: The source container.
        target: The output container.
    """
    if "matroska" not in target.format.name:
        return []
    return [stream for stream in source.streams if isinstance(stream, AttachmentStream)]


def uncopied_streams(source: InputContainer, target: OutputContainer) -> list[str]:
    """Describe the source's streams that are not copied, for a message.

    Args:
        source: The source container.
        target: The output container.
    """
    copied = {stream.index for stream in copyable_attachments(source, target)}
    copied |= {stream.index for stream in source.streams if stream.type in COPIED_TYPES}
    if source.chapters():
        # MP4 also stores chapter titles as a data stream.
        copied |= {stream.index for stream in source.streams.data}
    copied |= {stream.index for stream in moving_pictures(source)[:1]}
    # A timecode track is written anew from the picture's timecode.
    copied |= {s.index for s in source.streams.data if has_timecode(s.metadata)}
    descriptions = {
        "video": "a second video or cover image",
        "data": "data",
        "attachment": "an attachment",
    }
    return [
        f"stream {stream.index} ({descriptions.get(stream.type, stream.type)}, "
        f"{codec_name(stream)})"
        for stream in source.streams
        if stream.index not in copied
    ]


def copyable_tags(metadata: Mapping[str, str], *, partial: bool = False) -> dict[str, str]:
    """Return the tags without those that describe the source file.

    Args:
        metadata: Tags of a container or stream.
        partial: Whether only a part of the stream is copied; then its statistics are dropped too.
    """
    return {
        key: value
        for key, value in metadata.items()
        if key.lower() not in _TECHNICAL_TAGS and not (key.startswith("_STATISTICS") and partial)
    }


def codec_name(stream: Stream) -> str:
    """Return FFmpeg's name of a stream's codec, or of its type if FFmpeg does not have the codec.

    Args:
        stream: A stream of a source.
    """
    return stream.codec_context.codec.canonical_name if stream.codec_context else stream.type


def packets_in(
    source: InputContainer, indices: Iterable[int], time_range: TimeRange, start: Fraction
) -> "Iterator[Packet[Stream]]":
    """Yield the packets in a time range, whose start becomes 0.

    A subtitle that is shown at the start is cut there; audio starts with its first whole packet.

    Args:
        source: The source container.
        indices: The streams to read.
        time_range: The part to read, in seconds on the source's clock.
        start: When the source starts, in seconds.

    Raises:
        MediaUnreadable: If the file cannot be read to its end.
    """
    streams = [source.streams[index] for index in indices]
    # PyAV demuxes all streams if the list is empty.
    if not streams:
        return
    if time_range.start - start > _LOOK_BACK_SECONDS:
        source.seek(int((time_range.start - _LOOK_BACK_SECONDS) * av.time_base))
    for packet in _demux(source, streams):
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None:
            yield packet  # counted and left out by `PacketTimes`
            continue
        time = stamp * packet.time_base
        if time_range.end is not None and time >= time_range.end:
            if time > time_range.end + _MAX_DISORDER_SECONDS:
                return
            continue
        if (
            time_range.start <= start
            or time >= time_range.start
            or _trim_subtitle(packet, time_range.start)
        ):
            shift = round(time_range.start / packet.time_base)
            packet.dts = None if packet.dts is None else packet.dts - shift
            packet.pts = None if packet.pts is None else packet.pts - shift
            yield packet


def _demux(source: InputContainer, streams: "list[Stream]") -> "Iterator[Packet[Stream]]":
    with as_media_unreadable(Path(source.name)):
        for packet in source.demux(streams):
            # The demuxer ends each stream with an empty packet.
            if packet.size:
                yield packet


def _trim_subtitle(packet: "Packet[Stream]", start: Fraction) -> bool:
    """Cut a subtitle that is shown at `start` so that it starts there; return whether it was."""
    if packet.stream.type != "subtitle" or packet.pts is None or not packet.duration:
        return False
    removed = round(start / packet.time_base) - packet.pts
    if removed >= packet.duration:
        return False
    packet.pts = packet.dts = packet.pts + removed
    packet.duration -= removed
    return True


def clip_chapter(chapter: Any, time_range: TimeRange) -> Any:
    """Return the part of a chapter in a time range; None if there is none.

    Args:
        chapter: PyAV's dict.
        time_range: The range, in seconds on the source's clock; its start becomes 0.
    """
    base = chapter["time_base"] or Fraction(1, av.time_base)
    offset = round(time_range.start / base)
    start = max(chapter["start"], offset)
    end = chapter["end"]
    if time_range.end is not None:
        end = min(end, round(time_range.end / base))
    if start >= end:
        return None
    return {**chapter, "start": start - offset, "end": end - offset}
