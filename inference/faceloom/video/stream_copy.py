"""Copy audio, subtitles, attachments, chapters and tags of a source without re-encoding."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Stream

from faceloom.errors import UsageError
from faceloom.video.frame_range import TimeRange
from faceloom.video.info import VideoInfo
from faceloom.video.safe_open import open_input

_COPIED_TYPES = ("audio", "subtitle")
# Tags that describe the source file or its encoder, not its content.
_TECHNICAL_TAGS = frozenset(
    "encoder duration major_brand minor_version compatible_brands vendor_id "
    "number_of_frames number_of_bytes bps".split()
)
# Seconds to seek before a range, to find subtitles that are still shown when it starts.
_LOOK_BACK_SECONDS = 60
# Seconds by which a packet may come later in a file than its timestamp suggests.
_MAX_DISORDER_SECONDS = 10


class StreamCopy:
    """Copies the source's other streams in step with the video. Create with `StreamCopy.open`."""

    def __init__(
        self,
        packets: "Iterator[Packet[Stream]]",
        target: OutputContainer,
        streams: dict[int, Stream],
    ):
        """Store the source's packets and the output streams.

        Args:
            packets: Packets to copy, in file order.
            target: The output container.
            streams: Output stream of each source stream index.
        """
        self._packets = packets
        self._target = target
        self._streams = streams

    @classmethod
    @contextmanager
    def open(
        cls, info: VideoInfo, target: OutputContainer, name: Path, time_range: TimeRange
    ) -> Iterator["StreamCopy"]:
        """Add the source's tags, chapters, attachments and streams to an output.

        Opens the source a second time: its packets are read at the pace of the video.

        Args:
            info: The source.
            target: The output container; nothing is muxed yet.
            name: The output path, for error messages.
            time_range: The part to copy, in seconds on the source's clock; its start becomes 0.

        Yields:
            The copy, for `copy_until` and `copy_rest`.

        Raises:
            UsageError: If the container does not support one of the streams.
        """
        if info.kind == "image_sequence":
            yield cls(iter(()), target, {})
            return
        with open_input(info.path) as source:
            check_streams_supported(source, target, name)
            target.metadata.update(copyable_tags(source.metadata))
            clipped = (_clip_chapter(chapter, time_range) for chapter in source.chapters())
            if chapters := [chapter for chapter in clipped if chapter is not None]:
                target.set_chapters(chapters)
            partial = time_range.start > info.start or time_range.end is not None
            streams = {
                s.index: _add_stream(s, target, partial)
                for s in source.streams
                if s.type in _COPIED_TYPES
            }
            for attachment in copyable_attachments(source, target):
                filename = attachment.metadata.get("filename", "attachment")
                mimetype = attachment.mimetype or "application/octet-stream"
                target.add_attachment(filename, mimetype, attachment.data)
            packets = _packets_in(source, list(streams), time_range, info.start)
            yield cls(packets, target, streams)

    def copy_until(self, seconds: Fraction) -> None:
        """Copy packets up to and including the first one after a time.

        Args:
            seconds: Time on the output's clock.
        """
        for packet in self._packets:
            if self._copy(packet) > seconds:
                return

    def copy_rest(self) -> None:
        """Copy all remaining packets."""
        for packet in self._packets:
            self._copy(packet)

    def _copy(self, packet: "Packet[Stream]") -> Fraction:
        start = (packet.dts or 0) * packet.time_base
        packet.stream = self._streams[packet.stream.index]
        self._target.mux(packet)
        return start


def source_tags(info: VideoInfo) -> dict[str, str]:
    """Return the container tags that are copied from a source; empty for images.

    Args:
        info: The source.
    """
    if info.kind == "image_sequence":
        return {}
    with open_input(info.path) as source:
        return copyable_tags(source.metadata)


def check_streams_supported(source: InputContainer, target: OutputContainer, name: Path) -> None:
    """Check that a container supports the source's audio and subtitle codecs.

    Args:
        source: The source container.
        target: The output container.
        name: The output path, for the error message.

    Raises:
        UsageError: If a codec is not supported.
    """
    for stream in source.streams:
        codec = _codec_name(stream)
        if stream.type in _COPIED_TYPES and codec not in target.supported_codecs:
            raise UsageError(
                f"{name} does not support the source's {stream.type} stream ({codec}); "
                "use a name that ends in .mkv."
            )


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
    copied |= {stream.index for stream in source.streams if stream.type in _COPIED_TYPES}
    if source.chapters():
        # MP4 also stores chapter titles as a data stream.
        copied |= {stream.index for stream in source.streams.data}
    videos = [
        s for s in source.streams.video if not s.disposition & av.stream.Disposition.attached_pic
    ]
    copied |= {stream.index for stream in videos[:1]}
    descriptions = {
        "video": "a second video or cover image",
        "data": "data",
        "attachment": "an attachment",
    }
    return [
        f"stream {stream.index} ({descriptions.get(stream.type, stream.type)}, "
        f"{_codec_name(stream)})"
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


def _codec_name(stream: Stream) -> str:
    return stream.codec_context.codec.canonical_name if stream.codec_context else stream.type


def _add_stream(stream: Stream, target: OutputContainer, partial: bool) -> Stream:
    copy = target.add_stream_from_template(stream)
    copy.metadata.update(copyable_tags(stream.metadata, partial=partial))
    # The disposition says which language plays by default.
    copy.disposition = stream.disposition
    return copy


def _packets_in(
    source: InputContainer, indices: Iterable[int], time_range: TimeRange, start: Fraction
) -> "Iterator[Packet[Stream]]":
    """Yield the packets in a time range, whose start becomes 0.

    A subtitle that is shown at the start is cut there; audio starts with its first whole packet.
    """
    streams = [source.streams[index] for index in indices]
    # PyAV demuxes all streams if the list is empty.
    if not streams:
        return
    if time_range.start - start > _LOOK_BACK_SECONDS:
        source.seek(int((time_range.start - _LOOK_BACK_SECONDS) * av.time_base))
    for packet in source.demux(streams):
        # The demuxer ends each stream with an empty packet without timestamps.
        if packet.dts is None:
            continue
        time = (packet.dts if packet.pts is None else packet.pts) * packet.time_base
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
            packet.dts -= shift
            packet.pts = None if packet.pts is None else packet.pts - shift
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


def _clip_chapter(chapter: Any, time_range: TimeRange) -> Any:
    """Return the part of a chapter (PyAV's dict) in a time range; None if there is none."""
    base = chapter["time_base"] or Fraction(1, av.time_base)
    offset = round(time_range.start / base)
    start = max(chapter["start"], offset)
    end = chapter["end"]
    if time_range.end is not None:
        end = min(end, round(time_range.end / base))
    if start >= end:
        return None
    return {**chapter, "start": start - offset, "end": end - offset}
