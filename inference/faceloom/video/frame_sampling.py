"""Read single frames at given times without decoding the whole source."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.video.ffmpeg_errors import reason
from faceloom.video.image_sequence import read_images
from faceloom.video.info import Frame, VideoInfo
from faceloom.video.pixel_format import to_rgb
from faceloom.video.probe import open_video


def uniform_sample_times(info: VideoInfo, count: int) -> list[float]:
    """Return evenly spaced times in a source, in seconds; only its start if its length is unknown.

    Args:
        info: The source.
        count: Number of times.
    """
    seconds = info.duration or (
        info.frame_count / float(info.average_rate) if info.frame_count else 0.0
    )
    if not seconds:
        return [float(info.start)]
    return [float(info.start) + seconds * (index + 0.5) / count for index in range(count)]


def read_frames_at(info: VideoInfo, seconds: Sequence[float]) -> Iterator[Frame]:
    """Yield the frame shown at each time; the last frame for times after the end.

    Frames are in coded orientation. Seeks to the key frame before each time.

    Args:
        info: The source.
        seconds: Times in seconds.

    Yields:
        Frames whose `index` is the position of their time in `seconds`.

    Raises:
        UsageError: If there is no such file.
        MediaUnreadable: If a frame cannot be decoded.
    """
    if info.kind == "image_sequence":
        return _images_at(info, seconds)
    return _video_frames_at(info.path, seconds)


def _images_at(info: VideoInfo, seconds: Sequence[float]) -> Iterator[Frame]:
    last = (info.frame_count or 1) - 1
    for index, time in enumerate(seconds):
        image = min(int(_image_position(time, info)), last)
        for frame in read_images(info, start=image, stop=image + 1):
            yield replace(frame, index=index)


def _image_position(seconds: float, info: VideoInfo) -> float:
    """Convert a time to images; rounded, since 0.28 s * 25 fps is slightly more than 7."""
    return round(seconds * float(info.average_rate), 6)


def _video_frames_at(path: Path, seconds: Sequence[float]) -> Iterator[Frame]:
    with open_video(path) as (container, stream):
        base = Fraction(stream.time_base or 1)
        try:
            for index, time in enumerate(seconds):
                container.seek(round(time / base), stream=stream)
                shown = None
                for decoded in container.decode(stream):
                    if decoded.pts is None or (shown is not None and decoded.pts * base > time):
                        break
                    shown = decoded
                if shown is not None and shown.pts is not None:
                    yield Frame(index, shown.pts, shown.duration or 0, base, to_rgb(shown))
        except av.FFmpegError as error:
            raise MediaUnreadable(
                f"{path} cannot be decoded at {seconds[index]:.1f} s ({reason(error)})."
            ) from error


def frame_index_at(info: VideoInfo, seconds: float) -> int:
    """Return the index of the first frame shown at a time or later.

    Args:
        info: The source.
        seconds: Time in seconds.

    Raises:
        UsageError: If the source ends before that time, or there is no such file.
        MediaUnreadable: If a frame before it cannot be decoded.
    """
    if info.kind == "image_sequence":
        position = math.ceil(_image_position(seconds, info))
        index = position if position < (info.frame_count or 0) else None
    else:
        index = _first_index_from(info.path, seconds)
    if index is None:
        raise UsageError(f"{info.path} ends before {seconds} s; give an earlier time.")
    return index


def _first_index_from(path: Path, seconds: float) -> int | None:
    with open_video(path) as (container, stream):
        try:
            for index, decoded in enumerate(container.decode(stream)):
                if decoded.time is not None and decoded.time >= seconds:
                    return index
        except av.FFmpegError as error:
            raise MediaUnreadable(
                f"{path} cannot be decoded up to {seconds} s ({reason(error)})."
            ) from error
    return None
