"""A conversion whose swap is a flat rectangle: the pictures go in segments that are joined, as a real one's do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from faceloom.video import (
    DEFAULT_ENCODING,
    Encoding,
    Frame,
    FrameRange,
    PictureWriter,
    VideoInfo,
    check_output,
    frame_times,
    join_segments,
    probe_source,
    read_frames,
    read_source,
    replacing_output,
)
from faceloom.video.pixel_format import _planes, _samples

BOX = (41, 23, 70, 51)
LOSSLESS = Encoding("lossless")


def stamped(frame: Frame) -> Frame:
    left, top, right, bottom = BOX
    rgb = frame.rgb.copy()
    rgb[top:bottom, left:right] = 200, 40, 60
    return replace(frame, rgb=rgb, changed=(BOX,))


def swap(
    source: Path,
    out: Path,
    encoding: Encoding = DEFAULT_ENCODING,
    chosen: str = ":",
    parts: int = 2,
) -> Path:
    info = probe_source(source)
    encoding = check_output(out, info, encoding)
    times = frame_times(info)
    span = FrameRange.parse(chosen).resolve(info)
    stop = len(times) if span.stop is None else span.stop
    seams = [span.start + (stop - span.start) * n // parts for n in range(parts + 1)]
    with replacing_output(out) as part:
        segments = []
        for a, b in pairwise(seams):
            if a < b:
                segments.append(source.with_name(f"{out.stem}-{a}.segment"))
                write_segment(segments[-1], info, encoding, a, b, times[a])
        join_segments(segments, part, out, info, encoding, begin=span.begin, end=span.end)
    for segment in segments:
        segment.unlink()
    return out


def write_segment(
    path: Path, info: VideoInfo, encoding: Encoding, start: int, stop: int, pts: int
) -> None:
    with PictureWriter.open(path, info, encoding) as writer:
        for frame in read_source(info, start=start, stop=stop, start_pts=pts):
            writer.write(stamped(frame))


def packets(path: Path, kind: str, number: int = 0) -> list[av.Packet]:
    with av.open(str(path)) as container:
        stream = [s for s in container.streams if s.type == kind][number]
        return [
            p
            for p in container.demux(stream)
            if p.size and (p.pts is not None or p.dts is not None)
        ]


def data(path: Path, kind: str, number: int = 0) -> list[tuple[Fraction, bytes]]:
    return [(p.pts * p.time_base, bytes(p)) for p in packets(path, kind, number)]


def planes(picture: av.VideoFrame) -> Iterator[np.ndarray]:
    for kind, plane in zip(_planes(picture.format.name), picture.planes, strict=True):
        yield _samples(plane, kind.step).reshape(plane.height, -1)


def lasting(path: Path) -> float:
    with av.open(str(path)) as container:
        return container.duration / av.time_base


def seconds(path: Path) -> list[Fraction]:
    return [f.pts * f.time_base for f in read_frames(path)]


@contextmanager
def written(part: Path, name: Path, info: VideoInfo) -> Iterator[PictureWriter]:
    """Yield what takes all frames of a video; afterwards `part` is what the name `name` asks for."""
    encoding = check_output(name, info, DEFAULT_ENCODING)
    pictures = part.with_name(f"{part.name}.pictures")
    try:
        with PictureWriter.open(pictures, info, encoding) as writer:
            yield writer
        join_segments([pictures], part, name, info, encoding)
    finally:
        pictures.unlink(missing_ok=True)
