"""Decode the frames of a video in presentation order."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from faceloom.errors import MediaUnreadable
from faceloom.video.info import Frame
from faceloom.video.pixel_format import to_rgb
from faceloom.video.probe import open_video, stated_duration

# How much earlier than stated the last frame may start, in seconds.
_EARLY_END_SECONDS = 0.5
# The same as a share of the stated duration; the larger of the two applies.
_EARLY_END_SHARE = 0.1
# Seconds before the requested frame to seek to, in turn, until a key frame precedes it.
_SEEK_BACK_SECONDS = (0, 10, 60)


def read_frames(
    path: Path,
    *,
    start: int = 0,
    stop: int | None = None,
    every: int = 1,
    start_pts: int | None = None,
) -> Iterator[Frame]:
    """Yield the frames of a video in presentation order and coded orientation.

    All frames up to `stop` are decoded, also those that are not yielded, unless `start_pts` is
    given: then decoding starts at the key frame before it.

    Args:
        path: The video.
        start: Index of the first frame.
        stop: Index after the last frame; None: to the end.
        every: Yield only frames whose index is a multiple of this.
        start_pts: PTS of frame `start`, to seek there.

    Raises:
        UsageError: If there is no such file (before the first frame).
        MediaUnreadable: If it is not a video, a frame is damaged or has no presentation time,
            or the video ends much earlier than it states.
    """
    with open_video(path) as (container, stream):
        end = 0.0
        for index, decoded in _decode(container, stream, path, start_pts, start):
            if stop is not None and index >= stop:
                return
            end = decoded.time if decoded.time is not None else end
            if index < start or index % every:
                continue
            yield to_frame(decoded, index, path)
        check_end(container, stream, path, end)


def _decode(
    container: InputContainer, stream: VideoStream, path: Path, start_pts: int | None, start: int
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield decoded frames with their indices: all, or from frame `start` at `start_pts`."""
    packets = (
        container.demux(stream)
        if start_pts is None
        else _packets_from(container, stream, start_pts)
    )
    index = 0 if start_pts is None else start
    try:
        for packet in packets:
            for decoded in packet.decode():
                if start_pts is not None and (decoded.pts is None or decoded.pts < start_pts):
                    continue
                if start_pts is not None and index == start and decoded.pts != start_pts:
                    raise MediaUnreadable(
                        f"{path} has no frame at PTS {start_pts}; the file changed while it was "
                        "being read."
                    )
                yield index, decoded
                index += 1
    except av.FFmpegError as error:
        raise MediaUnreadable(
            f"{path} cannot be decoded after frame {max(0, index - 1)} ({error.strerror}); copy "
            f"it again, or convert only what precedes the damage: --range :{max(1, index - 1)}."
        ) from error


def _packets_from(
    container: InputContainer, stream: VideoStream, start_pts: int
) -> "Iterator[Packet[VideoStream]]":
    """Yield packets from a key frame shown at or before `start_pts`, or from the first packet.

    Seeking goes by decode timestamps, so the key frame it finds may be shown after `start_pts`.
    """
    for seconds in _SEEK_BACK_SECONDS:
        container.seek(start_pts - round(seconds / (stream.time_base or 1)), stream=stream)
        packets = container.demux(stream)
        first = next(packets, None)
        if (
            first is not None
            and first.pts is not None
            and first.is_keyframe
            and first.pts <= start_pts
        ):
            yield first
            yield from packets
            return
    container.seek(stream.start_time or 0, stream=stream)
    yield from container.demux(stream)


def to_frame(decoded: av.VideoFrame, index: int, path: Path) -> Frame:
    """Return a decoded frame with its pixels as RGB.

    Args:
        decoded: The decoder's output.
        index: Index of the frame.
        path: The video, for messages.

    Raises:
        MediaUnreadable: If it is damaged or has no presentation time.
    """
    if decoded.pts is None or decoded.time_base is None:
        raise MediaUnreadable(
            f"{path}: frame {index} has no presentation time; remux the file "
            "(ffmpeg -i in -c copy out)."
        )
    if decoded.is_corrupt:
        raise MediaUnreadable(
            f"{path}: frame {index} is damaged and cannot be decoded completely; copy the file "
            "again."
        )
    return Frame(
        index,
        decoded.pts,
        decoded.duration or 0,
        Fraction(decoded.time_base),
        to_rgb(decoded),
        decoded,
    )


def check_end(container: InputContainer, stream: VideoStream, path: Path, end: float) -> None:
    """Check that the last frame is near the stated end of the video.

    Args:
        container: The open container.
        stream: Its video stream.
        path: The video, for messages.
        end: Presentation time of the last frame in seconds.

    Raises:
        MediaUnreadable: If the last frame is much earlier.
    """
    stated = stated_duration(container, stream)
    if stated is None:
        return
    seconds = end - float((stream.start_time or 0) * (stream.time_base or 0))
    if seconds < stated - max(_EARLY_END_SECONDS, _EARLY_END_SHARE * stated):
        raise MediaUnreadable(
            f"{path} is damaged: its frames end at {seconds:.1f} s of {stated:.1f} s; copy or "
            "download it again."
        )
