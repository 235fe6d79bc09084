"""A conversion that swaps a flat rectangle instead of a face, through segments as in `convert`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from faceloom.choices import OnDamaged, StreamMode
from faceloom.video import (
    DEFAULT_ENCODING,
    Encoding,
    Frame,
    FrameRange,
    JoinPlan,
    SegmentWriter,
    VideoInfo,
    atomic_output,
    join_segments,
    prepare_output,
    probe_source,
    read_frame_pts,
    read_frames,
    read_source,
    resolve_encoding,
    with_repeated_times,
)
from faceloom.video.pixel_format import _planes, _samples

# The rectangle that is swapped: left, top, right, bottom.
BOX = (41, 23, 70, 51)
# The encoding that is exact outside the rectangle.
LOSSLESS = Encoding("lossless")


def fill_box(frame: Frame) -> Frame:
    """Return the frame with a flat rectangle."""
    left, top, right, bottom = BOX
    rgb = frame.rgb.copy()
    rgb[top:bottom, left:right] = 200, 40, 60
    return replace(frame, rgb=rgb, changed_boxes=(BOX,))


def swap(
    source: Path,
    out: Path,
    encoding: Encoding = DEFAULT_ENCODING,
    frame_range: str = ":",
    segment_count: int = 2,
    streams: StreamMode = "auto",
    on_damaged: OnDamaged = "stop",
) -> Path:
    """Convert a source to `out` with a flat rectangle in every frame."""
    info = with_repeated_times(probe_source(source))
    pts = read_frame_pts(info)
    resolved = FrameRange.parse(frame_range).resolve(info)
    prepared = prepare_output(out, info, encoding, streams, resolved)
    encoding = prepared.encoding
    stop = len(pts) if resolved.stop is None else resolved.stop
    bounds = [
        resolved.start + (stop - resolved.start) * n // segment_count
        for n in range(segment_count + 1)
    ]
    with atomic_output(out) as part:
        segments = []
        for a, b in pairwise(bounds):
            if a < b:
                segments.append(source.with_name(f"{out.stem}-{a}.segment"))
                write_segment(segments[-1], info, encoding, a, b, pts[a], on_damaged)
        join_segments(
            segments,
            part,
            JoinPlan(out, info, encoding, resolved.time_range, streams=prepared.streams),
        )
    for segment in segments:
        segment.unlink()
    return out


def write_segment(
    path: Path,
    info: VideoInfo,
    encoding: Encoding,
    start: int,
    stop: int,
    start_pts: int,
    on_damaged: OnDamaged = "stop",
) -> None:
    """Write frames `start` to `stop` of a source with a flat rectangle."""
    with SegmentWriter.open(path, info, encoding) as writer:
        frames = read_source(
            info, start=start, stop=stop, start_pts=start_pts, on_damaged=on_damaged
        )
        for frame in frames:
            writer.write(fill_box(frame))


def read_packets(path: Path, kind: str, index: int = 0) -> list[av.Packet]:
    """Return the packets of one stream: the `index`-th of type `kind`."""
    with av.open(str(path)) as container:
        stream = [s for s in container.streams if s.type == kind][index]
        return [
            p
            for p in container.demux(stream)
            if p.size and (p.pts is not None or p.dts is not None)
        ]


def read_payloads(path: Path, kind: str, index: int = 0) -> list[tuple[Fraction, bytes]]:
    """Return time in seconds and bytes of each packet of one stream."""
    return [(p.pts * p.time_base, bytes(p)) for p in read_packets(path, kind, index)]


def frame_planes(frame: av.VideoFrame) -> Iterator[np.ndarray]:
    """Yield each plane of a decoded frame as rows of bytes, without padding."""
    for layout, plane in zip(_planes(frame.format.name), frame.planes, strict=True):
        yield _samples(plane, layout.step).reshape(plane.height, -1)


def container_duration(path: Path) -> float:
    """Return the duration in seconds that the container states."""
    with av.open(str(path)) as container:
        return container.duration / av.time_base


def frame_times(path: Path) -> list[Fraction]:
    """Return the presentation time of each frame in seconds."""
    return [f.pts * f.time_base for f in read_frames(path)]


@contextmanager
def open_writer(part: Path, name: Path, info: VideoInfo) -> Iterator[SegmentWriter]:
    """Yield a writer for all frames of a video; `part` then is the output that `name` asks for."""
    encoding = resolve_encoding(name, info, DEFAULT_ENCODING)
    segment = part.with_name(f"{part.name}.segment")
    try:
        with SegmentWriter.open(segment, info, encoding) as writer:
            yield writer
        join_segments([segment], part, JoinPlan(name, info, encoding))
    finally:
        segment.unlink(missing_ok=True)
