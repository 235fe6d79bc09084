"""Concatenate encoded segments without re-encoding and add the source's other streams."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from faceloom.video.decoding.alpha import ALPHA_TAG
from faceloom.video.encoding.encoders import Encoding, has_alpha, open_encoder, resolve_encoder
from faceloom.video.ffmpeg_errors import as_write_error
from faceloom.video.frame_range import TimeRange
from faceloom.video.image_output import write_image_output
from faceloom.video.info import VideoInfo
from faceloom.video.orientation import Orientation
from faceloom.video.output import container_format, output_kind
from faceloom.video.probe import stated_duration
from faceloom.video.safe_open import METADATA_OPTIONS, file_url, open_input
from faceloom.video.segments.segment_offset import segment_offset
from faceloom.video.streams.container_rules import MUXER_OPTIONS
from faceloom.video.streams.packets import copyable_tags
from faceloom.video.streams.stream_copy import StreamCopy
from faceloom.video.streams.stream_plan import StreamPlan, plan_streams
from faceloom.video.streams.timecode import without_timecode


@dataclass(frozen=True, slots=True)
class JoinPlan:
    """What `join_segments` writes."""

    output: Path
    """The output path that the user gave; its suffix selects the format."""

    info: VideoInfo
    """The source, whose audio, subtitles, chapters and tags are copied."""

    encoding: Encoding
    """The encoding that the segments were written with."""

    time_range: TimeRange = field(default_factory=TimeRange)
    """The part of the source, in seconds after `info.start`; its start becomes 0 in the output."""

    tags: Mapping[str, str] = field(default_factory=dict)
    """Container tags to add to the source's."""

    streams: StreamPlan | None = None
    """What becomes of the other streams; None: as `plan_streams` decides in the mode "auto"."""

    @property
    def source_range(self) -> TimeRange:
        """The time range on the source's clock."""
        return self.time_range.shifted(self.info.start)


def join_segments(segments: Sequence[Path], part: Path, plan: JoinPlan) -> None:
    """Write the frames of all segments and the source's other streams to one output.

    The video is copied packet by packet, unless the output is a GIF or images.

    Args:
        segments: Files of `SegmentWriter`, in order, of the plan's `info` and `encoding`.
        part: The file or folder to write.
        plan: The source and the output.

    Raises:
        UsageError: If the container refuses something.
        PartlyDone: If the disk is full.
    """
    with as_write_error(plan.output):
        if output_kind(plan.output) == "video":
            join_video(segments, part, plan)
        else:
            start = plan.source_range.start
            write_image_output(segments, part, plan.output, plan.info, plan.encoding, start)


def join_video(
    segments: Sequence[Path], part: Path, plan: JoinPlan, *, all_packets: bool = True
) -> None:
    """Write the frames of all segments and the source's other streams to one video.

    Args:
        segments: Files of `SegmentWriter`, in order.
        part: The file to write.
        plan: The source and the output.
        all_packets: Whether to copy the other streams to their ends; False to try a muxer with
            what belongs to the segments.

    Raises:
        av.FFmpegError: If the container refuses something.
        ValueError: If the container does not support a codec.
    """
    timelines = [_Timeline.read(path) for path in segments]
    all_dts = decode_timestamps([pts for timeline in timelines for pts in timeline.pts])
    container = container_format(plan.output)
    streams = plan.streams
    if streams is None:
        name = str(plan.output)
        streams = plan_streams(plan.info, container, "auto", plan.source_range, name)
    options = _muxer_options(container, timelines[0].time_base)
    url = file_url(part)
    with av.open(url, "w", format=container, options=options, **METADATA_OPTIONS) as target:
        with open_input(segments[0]) as first:
            video = _add_video_stream(first.streams.video[0], target, plan, streams)
        with StreamCopy.open(plan.info, target, streams, plan.source_range) as others:
            target.metadata.update(plan.tags)
            shift = round(plan.source_range.start / timelines[0].time_base)
            for packet, dts in zip(_packets(segments, timelines), all_dts, strict=True):
                packet.dts = dts - shift
                packet.pts = (packet.pts or 0) - shift
                others.copy_until((dts - shift) * packet.time_base)
                packet.stream = video
                target.mux(packet)
            if all_packets:
                others.copy_rest()
            else:
                others.finish()


def _muxer_options(container: str, time_base: Fraction) -> dict[str, str]:
    options = dict(MUXER_OPTIONS)
    if container in ("mp4", "mov"):
        ticks = str(time_base.denominator)
        options |= {
            "movflags": "+faststart",
            "video_track_timescale": ticks,
            "movie_timescale": ticks,
        }
    return options


def decode_timestamps(pts: Sequence[int]) -> list[int]:
    """Return a DTS for each packet: increasing, and never after the packet's PTS.

    The n-th packet gets the (n - d)-th PTS in presentation order, where d is the largest number
    of positions by which a packet precedes its place in presentation order.

    Args:
        pts: PTS of the packets in decoding order.
    """
    ordered = sorted(pts)
    position = {time: index for index, time in enumerate(ordered)}
    delay = max((index - position[time] for index, time in enumerate(pts)), default=0)
    step = max(1, min((b - a for a, b in pairwise(ordered)), default=1))
    early = [ordered[0] - step * (delay - index) for index in range(delay)] if ordered else []
    return early + ordered[: len(ordered) - delay]


@dataclass(frozen=True, slots=True)
class _Timeline:
    """Timestamps of one segment."""

    pts: list[int]
    """PTS of the packets on the source's clock, in decoding order, in units of `time_base`."""

    last_duration: int
    """Duration of the last packet, in units of `time_base`."""

    shift: int
    """What to add to the segment's PTS to get the source's."""

    time_base: Fraction
    """Unit of the timestamps, in seconds."""

    @classmethod
    def read(cls, path: Path) -> "_Timeline":
        with open_input(path) as container:
            stream = container.streams.video[0]
            packets = [(packet.pts or 0, packet.dts or 0) for packet in _video_packets(container)]
            time_base = Fraction(stream.time_base or 0)
            shift = round(segment_offset(container) / time_base)
            pts = [time for time, _ in packets]
            last = 0
            stated = stated_duration(container, stream)
            if packets and stated is not None:
                # In Matroska the end of the last frame, else the sum of all decoding steps: not
                # every demuxed last packet has its duration.
                times = (
                    pts if container.format.name.startswith("matroska") else [d for _, d in packets]
                )
                last = round(Fraction(stated) / time_base) + times[0] - times[-1]
        return cls([time + shift for time in pts], last, shift, time_base)


def _packets(
    segments: Sequence[Path], timelines: Sequence[_Timeline]
) -> Iterator["Packet[VideoStream]"]:
    """Yield the packets of all segments with PTS on the source's clock."""
    last_pts = max((time for timeline in timelines for time in timeline.pts), default=0)
    for path, timeline in zip(segments, timelines, strict=True):
        with open_input(path) as container:
            for packet in _video_packets(container):
                packet.pts = (packet.pts or 0) + timeline.shift
                if packet.pts == last_pts and timeline.last_duration > 0:
                    packet.duration = timeline.last_duration
                yield packet


def _video_packets(container: InputContainer) -> Iterator["Packet[VideoStream]"]:
    # The demuxer ends each stream with an empty packet without timestamps.
    return (
        packet for packet in container.demux(container.streams.video[0]) if packet.pts is not None
    )


def _add_video_stream(
    segment: VideoStream, target: OutputContainer, plan: JoinPlan, streams: StreamPlan
) -> VideoStream:
    info, encoding = plan.info, plan.encoding
    # A stream copied from a template states no frame rate: Matroska would then claim one frame per
    # clock tick, and a timecode track could not be written. One made for an encoder does.
    config = resolve_encoder(info, encoding)
    video = target.add_stream(config.codec, rate=info.average_rate)
    assert isinstance(video, VideoStream), "all our encoders encode video"
    context = video.codec_context
    open_encoder(context, info, encoding, config)
    # The segments' packets have the form that their container's header describes.
    context.extradata = segment.codec_context.extradata
    video.time_base = segment.time_base
    if context.codec.canonical_name == "hevc" and target.format.name in ("mp4", "mov"):
        # Parameter sets are in the sample description; Apple's players require "hvc1" for that.
        context.codec_tag = "hvc1"
    if info.orientation != Orientation():
        video.set_display_rotation(info.orientation.rotation, hflip=info.orientation.mirrored)
    if info.kind == "video":
        with open_input(info.path) as source:
            origin = source.streams.video[0]
            if streams.keep_tags:
                video.metadata.update(without_timecode(copyable_tags(origin.metadata)))
                _drop_alpha_tag(video)
            video.disposition = origin.disposition
    if config.codec.startswith("libvpx") and has_alpha(config.pixel_format):
        video.metadata[ALPHA_TAG] = "1"
    if streams.timecode:
        # MP4 and MOV also get a timecode track from it.
        video.metadata["timecode"] = streams.timecode
    return video


def _drop_alpha_tag(video: VideoStream) -> None:
    """Remove the source's claim of transparency, which depends on the output's own frames."""
    for key in [key for key in video.metadata if key.lower() == ALPHA_TAG]:
        del video.metadata[key]
