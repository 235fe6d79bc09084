"""Join files of pictures, packet by packet, and lay the source's other streams beside them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from faceloom.video.encoders import Encoding
from faceloom.video.image_output import write_pictures
from faceloom.video.info import VideoInfo
from faceloom.video.output import container_format, output_kind
from faceloom.video.probe import stated_duration
from faceloom.video.safe_open import TAGS_AS_THEY_ARE, open_input
from faceloom.video.stream_copy import Span, StreamCopy, worth_keeping

# How a segment says that its first picture is before the clock's zero, which its container cannot.
FIRST_PTS = "first pts "


def join_segments(  # noqa: PLR0913  what is joined, where to, and what lies beside it
    segments: Sequence[Path],
    out_part: Path,
    name: Path,
    info: VideoInfo,
    encoding: Encoding,
    *,
    begin: Fraction = Fraction(0),
    end: Fraction | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write the pictures of `segments`, in their order, and everything else of the source, as `name` asks for.

    `begin` and `end` are seconds after the source's first moment (`info.start`): only that part of the other streams
    comes along, and the result begins at 0 where the range does. Segments are those of `PictureWriter`, made with
    the same `info` and `encoding`; no picture is encoded again, unless `name` is that of a GIF or of pictures. `tags`
    come beside the source's own.
    """
    span = Span(info.start + begin, None if end is None else info.start + end)
    if output_kind(name) != "video":
        write_pictures(segments, out_part, name, info, encoding, span.begin)
        return
    lines = [_Timeline.read(path) for path in segments]
    decode_times = order_times([time for line in lines for time in line.pts])
    kind = container_format(name)
    # Sound may begin before 0, with what a decoder needs to get going: no reason to shift everything.
    options = {"fflags": "+bitexact", "avoid_negative_ts": "disabled"}
    if kind in ("mp4", "mov"):
        ticks = str(lines[0].time_base.denominator)
        options |= {
            "movflags": "+faststart",
            "video_track_timescale": ticks,
            "movie_timescale": ticks,
        }
    with av.open(str(out_part), "w", format=kind, options=options, **TAGS_AS_THEY_ARE) as target:
        with open_input(segments[0]) as first:
            pictures = _add_pictures(first.streams.video[0], target, info)
        with StreamCopy.open(info, target, name, span) as others:
            target.metadata.update(tags or {})
            shift = round(span.begin / lines[0].time_base)
            for packet, time in zip(_packets(segments, lines), decode_times, strict=True):
                packet.dts = time - shift
                packet.pts = (packet.pts or 0) - shift
                others.copy_until((time - shift) * packet.time_base)
                packet.stream = pictures
                target.mux(packet)
            others.copy_rest()


def order_times(pts: Sequence[int]) -> list[int]:
    """Return when each packet, in the order of decoding, is to be decoded: rising, and never after it is shown.

    The n-th is decoded when the (n - d)-th is shown, d being how far the encoder's order differs from the pictures'.
    """
    shown = sorted(pts)
    place = {time: number for number, time in enumerate(shown)}
    delay = max((number - place[time] for number, time in enumerate(pts)), default=0)
    step = max(1, min((b - a for a, b in pairwise(shown)), default=1))
    early = [shown[0] - step * (delay - number) for number in range(delay)] if shown else []
    return early + shown[: len(shown) - delay]


@dataclass(frozen=True, slots=True)
class _Timeline:
    """A segment's times, in the order of decoding and in the source's clock, and how long its last picture stands."""

    pts: list[int]
    last_duration: int
    shift: int
    time_base: Fraction

    @classmethod
    def read(cls, path: Path) -> "_Timeline":
        with open_input(path) as container:
            stream = container.streams.video[0]
            shift = _first_pts(container.metadata)
            packets = [(packet.pts or 0, packet.duration or 0) for packet in _of(container)]
            base = Fraction(stream.time_base or 0)
            pts = [time for time, _ in packets]
            last = packets[-1][1] if packets else 0
            if packets and container.format.name.startswith("matroska"):
                # Which does not keep the packets' durations, but where they all end.
                stated = stated_duration(container, stream)
                last = last if stated is None else round(Fraction(stated) / base) + pts[0] - pts[-1]
        return cls([time + shift for time in pts], last, shift, base)


def _packets(
    segments: Sequence[Path], lines: Sequence[_Timeline]
) -> Iterator["Packet[VideoStream]"]:
    """Yield the packets of all segments with times of the source's clock."""
    final = max((time for line in lines for time in line.pts), default=0)
    for path, line in zip(segments, lines, strict=True):
        with open_input(path) as container:
            for packet in _of(container):
                packet.pts = (packet.pts or 0) + line.shift
                if packet.pts == final and line.last_duration > 0:
                    packet.duration = line.last_duration
                yield packet


def _of(container: InputContainer) -> Iterator["Packet[VideoStream]"]:
    # The demuxer closes each stream with an empty packet without times.
    return (
        packet for packet in container.demux(container.streams.video[0]) if packet.pts is not None
    )


def _first_pts(metadata: dict[str, str]) -> int:
    said = metadata.get("comment", "")
    return int(said.removeprefix(FIRST_PTS)) if said.startswith(FIRST_PTS) else 0


def _add_pictures(stream: VideoStream, target: OutputContainer, info: VideoInfo) -> VideoStream:
    pictures = target.add_stream_from_template(stream, opaque=True)
    context = pictures.codec_context
    if context.codec.canonical_name == "hevc" and target.format.name in ("mp4", "mov"):
        # The headers lie in the file's, and Apple's players take no other name for that.
        context.codec_tag = "hvc1"
    if info.rotation:
        pictures.set_display_rotation(info.rotation)
    if info.kind == "video":
        with open_input(info.path) as source:
            origin = source.streams.video[0]
            pictures.metadata.update(worth_keeping(origin.metadata))
            pictures.disposition = origin.disposition
    return pictures
