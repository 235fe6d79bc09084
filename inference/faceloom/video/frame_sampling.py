"""Look at a few moments of a source without decoding all of it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.video.image_sequence import read_pictures
from faceloom.video.info import Frame, VideoInfo
from faceloom.video.pixel_format import to_rgb
from faceloom.video.probe import open_video


def spread_moments(info: VideoInfo, count: int) -> list[float]:
    """Return `count` times in seconds, spread evenly over a video; only its beginning if its length is unknown."""
    seconds = info.duration or (
        info.frame_count / float(info.average_rate) if info.frame_count else 0.0
    )
    if not seconds:
        return [float(info.start)]
    return [float(info.start) + seconds * (number + 0.5) / count for number in range(count)]


def read_moments(info: VideoInfo, seconds: Sequence[float]) -> Iterator[Frame]:
    """Yield the frame shown at each of the times, as coded; of those beyond the end the last one.

    Of a video only what lies between a time and the key frame before it is decoded. A frame's `index` is that of its
    time. Raises what `open_video` raises, and MediaUnreadable if a frame cannot be decoded.
    """
    return (
        _pictures_at(info, seconds) if info.kind == "pictures" else _frames_at(info.path, seconds)
    )


def _pictures_at(info: VideoInfo, seconds: Sequence[float]) -> Iterator[Frame]:
    last = (info.frame_count or 1) - 1
    for number, time in enumerate(seconds):
        at = min(int(_pictures_in(time, info)), last)
        for frame in read_pictures(info, start=at, stop=at + 1):
            yield replace(frame, index=number)


def _pictures_in(seconds: float, info: VideoInfo) -> float:
    """How many pictures a time is; of 0.28 s and 25 a second a float would make a little more than 7."""
    return round(seconds * float(info.average_rate), 6)


def _frames_at(path: Path, seconds: Sequence[float]) -> Iterator[Frame]:
    with open_video(path) as (container, stream):
        base = Fraction(stream.time_base or 1)
        try:
            for number, time in enumerate(seconds):
                container.seek(round(time / base), stream=stream)
                shown = None
                for frame in container.decode(stream):
                    if frame.pts is None or (shown is not None and frame.pts * base > time):
                        break
                    shown = frame
                if shown is not None and shown.pts is not None:
                    yield Frame(number, shown.pts, shown.duration or 0, base, to_rgb(shown))
        except av.FFmpegError as error:
            raise MediaUnreadable(
                f"{path} cannot be decoded at {seconds[number]:.1f} s ({error.strerror})."
            ) from error


def frame_number(info: VideoInfo, seconds: float) -> int:
    """Return the number of the first frame that is shown at `seconds` or later.

    Raises UsageError if the source ends before, and what `open_video` raises.
    """
    if info.kind == "pictures":
        number = math.ceil(_pictures_in(seconds, info))
        found = number if number < (info.frame_count or 0) else None
    else:
        found = _first_from(info.path, seconds)
    if found is None:
        raise UsageError(f"{info.path} ends before {seconds} s; give an earlier time.")
    return found


def _first_from(path: Path, seconds: float) -> int | None:
    with open_video(path) as (container, stream):
        try:
            for index, frame in enumerate(container.decode(stream)):
                if frame.time is not None and frame.time >= seconds:
                    return index
        except av.FFmpegError as error:
            raise MediaUnreadable(
                f"{path} cannot be decoded up to {seconds} s ({error.strerror})."
            ) from error
    return None
