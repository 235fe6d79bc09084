"""Decode a video's frames in order, as RGB and as they were coded."""

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

# How much earlier than stated the last picture may begin.
_SLACK_SECONDS, _SLACK_SHARE = 0.5, 0.1
# Seconds before the wanted frame from which it is tried, if the nearest key frame turns out to be behind it.
_STEPS_BACK = (0, 10, 60)


def read_frames(
    path: Path,
    *,
    start: int = 0,
    stop: int | None = None,
    every: int = 1,
    start_pts: int | None = None,
) -> Iterator[Frame]:
    """Yield frames `start` to `stop` in presentation order, pictures as coded (see `VideoInfo.rotation`).

    All but each `every`-th of the whole video are decoded and passed over, as are those before `start`, unless
    `start_pts`, the time of frame `start`, says where it is: then decoding begins at the key frame before it.

    Raises UsageError or MediaUnreadable before the first frame if the file is no video, and
    MediaUnreadable later if a frame cannot be decoded whole or has no presentation time.
    """
    with open_video(path) as (container, stream):
        end = 0.0
        for index, picture in _decoded(container, stream, path, start_pts, start):
            if stop is not None and index >= stop:
                return
            end = picture.time if picture.time is not None else end
            if index < start or index % every:
                continue
            yield _frame(picture, index, path)
        _refuse_early_end(container, stream, path, end)


def _decoded(
    container: InputContainer, stream: VideoStream, path: Path, start_pts: int | None, start: int
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield pictures with their numbers, all or from the one at `start_pts` on, which is number `start`."""
    packets = container.demux(stream) if start_pts is None else _from(container, stream, start_pts)
    index = 0 if start_pts is None else start
    try:
        for packet in packets:
            for picture in packet.decode():
                if start_pts is not None and (picture.pts is None or picture.pts < start_pts):
                    continue
                if start_pts is not None and index == start and picture.pts != start_pts:
                    raise MediaUnreadable(
                        f"{path} has no frame at {start_pts}; its times changed since they were read."
                    )
                yield index, picture
                index += 1
    except av.FFmpegError as error:
        raise MediaUnreadable(
            f"{path} cannot be decoded after frame {max(0, index - 1)} ({error.strerror})."
        ) from error


def _from(
    container: InputContainer, stream: VideoStream, start_pts: int
) -> "Iterator[Packet[VideoStream]]":
    """Yield packets from a key frame on that is shown at `start_pts` or before: the nearest, or the first of all.

    An index goes by when frames are decoded, so the nearest that it knows may be shown later.
    """
    for back in _STEPS_BACK:
        container.seek(start_pts - round(back / (stream.time_base or 1)), stream=stream)
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


def _frame(picture: av.VideoFrame, index: int, path: Path) -> Frame:
    if picture.pts is None or picture.time_base is None:
        raise MediaUnreadable(
            f"{path}: frame {index} has no presentation time; remux the file (ffmpeg -i in -c copy out)."
        )
    if picture.is_corrupt:
        raise MediaUnreadable(
            f"{path}: frame {index} is damaged and cannot be decoded whole; copy the file again."
        )
    return Frame(
        index,
        picture.pts,
        picture.duration or 0,
        Fraction(picture.time_base),
        to_rgb(picture),
        picture,
    )


def _refuse_early_end(
    container: InputContainer, stream: VideoStream, path: Path, end: float
) -> None:
    stated = stated_duration(container, stream)
    begin = float((stream.start_time or 0) * (stream.time_base or 0))
    if stated is not None and end - begin < stated - max(_SLACK_SECONDS, _SLACK_SHARE * stated):
        raise MediaUnreadable(
            f"{path} is damaged: its pictures end at {end - begin:.1f} s of {stated:.1f} s; copy or download it again."
        )
