"""Carry out a `StreamPlan`: write a source's other streams in step with the video."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from faceloom.video.frame_range import TimeRange
from faceloom.video.info import VideoInfo
from faceloom.video.safe_open import open_input
from faceloom.video.streams.packets import (
    clip_chapter,
    copyable_attachments,
    copyable_tags,
    packets_in,
)
from faceloom.video.streams.sinks import Sink
from faceloom.video.streams.stream_plan import StreamPlan, open_sink
from faceloom.video.streams.timecode import without_timecode


class StreamCopy:
    """Writes the source's other streams in step with the video. Create with `StreamCopy.open`."""

    def __init__(self, packets: "Iterator[Packet[Stream]]", sinks: dict[int, Sink]):
        """Store the source's packets and where they go.

        Args:
            packets: Packets of the source, in file order.
            sinks: Where the packets of each source stream go, by its index.
        """
        self._packets = packets
        self._sinks = sinks

    @classmethod
    @contextmanager
    def open(
        cls, info: VideoInfo, target: OutputContainer, plan: StreamPlan, time_range: TimeRange
    ) -> Iterator["StreamCopy"]:
        """Add the source's tags, chapters, attachments and streams to an output.

        Opens the source a second time: its packets are read at the pace of the video.

        Args:
            info: The source.
            target: The output container; nothing is muxed yet.
            plan: What becomes of each stream.
            time_range: The part to copy, in seconds on the source's clock; its start becomes 0.

        Yields:
            The copy, for `copy_until` and `copy_rest`.
        """
        if info.kind == "image_sequence":
            yield cls(iter(()), {})
            return
        with open_input(info.path) as source:
            if plan.keep_tags:
                target.metadata.update(without_timecode(copyable_tags(source.metadata)))
            if plan.keep_chapters:
                _copy_chapters(source, target, time_range)
            partial = time_range.start > info.start or time_range.end is not None
            sinks = dict(_open_sinks(source, target, plan, partial))
            for attachment in copyable_attachments(source, target):
                filename = attachment.metadata.get("filename", "attachment")
                mimetype = attachment.mimetype or "application/octet-stream"
                target.add_attachment(filename, mimetype, attachment.data)
            yield cls(packets_in(source, list(sinks), time_range, info.start), sinks)

    def copy_until(self, seconds: Fraction) -> None:
        """Write packets up to and including the first one after a time.

        Args:
            seconds: Time on the output's clock.
        """
        for packet in self._packets:
            if self._write(packet) > seconds:
                return

    def copy_rest(self) -> None:
        """Write all remaining packets."""
        for packet in self._packets:
            self._write(packet)
        self.finish()

    def finish(self) -> None:
        """Write what the encoders hold back."""
        for sink in self._sinks.values():
            sink.finish()

    def _write(self, packet: "Packet[Stream]") -> Fraction:
        start = (packet.dts or packet.pts or 0) * packet.time_base
        self._sinks[packet.stream.index].write(packet)
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


def _copy_chapters(source: InputContainer, target: OutputContainer, time_range: TimeRange) -> None:
    clipped = (clip_chapter(chapter, time_range) for chapter in source.chapters())
    if chapters := [chapter for chapter in clipped if chapter is not None]:
        target.set_chapters(chapters)


def _open_sinks(
    source: InputContainer, target: OutputContainer, plan: StreamPlan, partial: bool
) -> Iterator[tuple[int, Sink]]:
    for decision in plan.decisions:
        sink = open_sink(decision, source, target)
        if sink is None:
            continue
        stream = source.streams[decision.index]
        if plan.keep_tags:
            tags = copyable_tags(stream.metadata, partial=partial)
            sink.stream.metadata.update(without_timecode(tags))
        # The disposition says which language plays by default.
        sink.stream.disposition = stream.disposition
        yield decision.index, sink
