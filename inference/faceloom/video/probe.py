"""Open a video, say what it is, and refuse what is none."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.video.info import ColorTags, VideoInfo
from faceloom.video.safe_open import MOST_PIXELS, open_input

# FFmpeg reads pictures as videos of one frame through these demuxers.
_PICTURE_DEMUXERS = ("image2", "_pipe")
_MATROSKA_DURATION = re.compile(r"(\d+):(\d\d):(\d\d\.\d+)")


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open `path` and yield the container and its first video stream.

    Raises UsageError if there is no such file, MediaUnreadable if it is no video, is a
    picture, or was cut short.
    """
    if not path.is_file():
        what = "is a folder, not a video" if path.is_dir() else "does not exist"
        raise UsageError(f"{path} {what}; check the path.")
    try:
        container = open_input(path)
    except (av.FFmpegError, ValueError) as error:
        raise MediaUnreadable(
            f"{path} is not a video that FFmpeg can read; check that it plays in a video player."
        ) from error
    with container:
        yield container, _video_stream(container, path)


def probe_video(path: Path) -> VideoInfo:
    """Read what a video is without decoding more than its first frame.

    Raises UsageError or MediaUnreadable, as `open_video`, and MediaUnreadable if no frame decodes.
    """
    with open_video(path) as (container, stream):
        context = stream.codec_context
        # Several threads give no frame before each has had a packet.
        stream.thread_type = "NONE"
        try:
            first = next(container.decode(stream), None)
        except av.FFmpegError as error:
            raise MediaUnreadable(
                f"{path} holds no frame that can be decoded ({error.strerror})."
            ) from error
        if first is None:
            raise MediaUnreadable(f"{path} holds no frame that can be decoded.")
        # Fraction(...): from PyAV 19 on these are of a type of its own.
        rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
        return VideoInfo(
            path=path,
            width=context.width,
            height=context.height,
            rotation=round(first.rotation / 90) * 90 % 360,
            sample_aspect_ratio=Fraction(stream.sample_aspect_ratio or 1),
            time_base=Fraction(stream.time_base or 1 / rate),
            average_rate=rate,
            start=max(Fraction(0), Fraction(container.start_time or 0, av.time_base)),
            duration=stated_duration(container, stream),
            frame_count=stream.frames or _implied_frame_count(container, rate),
            codec=context.name,
            pixel_format=context.pix_fmt or first.format.name,
            interlaced=first.interlaced_frame,
            color=ColorTags(
                context.color_primaries, context.color_trc, context.colorspace, context.color_range
            ),
        )


def stated_duration(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the seconds that the pictures last by what the file says, None if it does not say."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # Matroska keeps each stream's duration as a tag, as 00:00:03.000000000.
    if match := _MATROSKA_DURATION.fullmatch(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = match.groups()
        end = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        return end - float((stream.start_time or 0) * (stream.time_base or 0))
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return None


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    if any(part in container.format.name for part in _PICTURE_DEMUXERS):
        raise MediaUnreadable(f"{path} is a picture, not a video; give a video file.")
    # Cover art is a video stream of one picture beside the sound.
    streams = [
        s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic
    ]
    if not streams:
        raise MediaUnreadable(f"{path} has no video in it, only {_kinds(container)}.")
    stream = streams[0]
    if stream.codec_context is None:
        raise MediaUnreadable(
            f"{path} is of a codec that FFmpeg does not know; convert it with what made it."
        )
    if stream.codec_context.width * stream.codec_context.height > MOST_PIXELS:
        raise MediaUnreadable(
            f"{path} has pictures of more than {MOST_PIXELS / 1e6:.0f} million pixels; make it smaller."
        )
    stream.thread_type = "AUTO"
    _refuse_cut_short(stream, path)
    return stream


def _kinds(container: InputContainer) -> str:
    return ", ".join(sorted({s.type for s in container.streams})) or "no stream at all"


def _refuse_cut_short(stream: VideoStream, path: Path) -> None:
    """Refuse a file whose index points beyond its end.

    FFmpeg decodes what is there and says nothing, so a half-copied clip would
    become half a swapped clip that looks finished.
    """
    end = max((entry.pos + entry.size for entry in stream.index_entries), default=0)
    size = path.stat().st_size
    if end > size:
        raise MediaUnreadable(
            f"{path} is cut short: its index speaks of {end} bytes and it has {size}; copy or download it again."
        )


def _implied_frame_count(container: InputContainer, rate: Fraction) -> int | None:
    if container.duration is None:
        return None
    return round(float(Fraction(container.duration, av.time_base) * rate))
