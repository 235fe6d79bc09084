"""Open a video, check it and read its properties."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.image_io import MAX_PIXELS
from faceloom.video.decoding.alpha import ALPHA_FORMAT, has_alpha_plane
from faceloom.video.ffmpeg_errors import FFMPEG_ERRORS, check_memory, reason
from faceloom.video.hdr.metadata import HdrMetadata
from faceloom.video.info import ColorTags, VideoInfo
from faceloom.video.orientation import Orientation
from faceloom.video.pixel_aspect import plausible_aspect
from faceloom.video.safe_open import open_input

# Demuxers with which FFmpeg reads an image as a video of one frame.
_IMAGE_DEMUXERS = ("image2", "_pipe")
# Frames per second if the rate is unknown, or higher than any camera's: FFmpeg states the clock's
# rate if it cannot guess.
_FALLBACK_RATE = Fraction(25)
_MAX_RATE = 1000
# A constant frame rate: most frames that nominal and average rate differ by over the whole stream,
_MAX_EXTRA_FRAMES = Fraction(3, 2)
# and largest difference of the two rates, as a share.
_MAX_RATE_DIFFERENCE = Fraction(1, 5)
# Demuxers of formats that do not store every frame's presentation time.
_WITHOUT_TIMES = ("mpeg", "mpegvideo", "h264", "hevc", "m4v", "vc1", "h261", "h263", "obu")
# Demuxers of formats that store decoding times only.
_WITHOUT_TIMES_OF_REORDERED = ("avi", "asf", "mxf")
# Matroska's DURATION tag: hours, minutes and seconds, as in 00:00:03.000000000.
_MATROSKA_DURATION = re.compile(r"(\d+):(\d\d):(\d\d\.\d+)")


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file.

    Args:
        path: The video.

    Yields:
        The container and its first video stream.

    Raises:
        UsageError: If there is no such file.
        MediaUnreadable: If it is not a video, or is truncated.
    """
    if not path.is_file():
        problem = "is a folder, not a video" if path.is_dir() else "does not exist"
        raise UsageError(f"{path} {problem}; check the path.")
    try:
        container = open_input(path)
    except FFMPEG_ERRORS as error:
        check_memory(error, path)
        raise MediaUnreadable(
            f"{path} is not a video that FFmpeg can read; check that it plays in a video player."
        ) from error
    with container:
        yield container, _video_stream(container, path)


def probe_video(path: Path) -> VideoInfo:
    """Read the properties of a video; decode only its first frame.

    Args:
        path: The video.

    Raises:
        UsageError: If there is no such file.
        MediaUnreadable: If it is not a video, is truncated, or no frame can be decoded.
    """
    with open_video(path) as (container, stream):
        context = stream.codec_context
        # With frame threading, the decoder needs a packet per thread before the first frame.
        stream.thread_type = "NONE"
        try:
            first = next(container.decode(stream), None)
        except av.FFmpegError as error:
            check_memory(error, path)
            raise MediaUnreadable(
                f"{path} has no frame that can be decoded ({reason(error)})."
            ) from error
        if first is None:
            raise MediaUnreadable(f"{path} has no frame that can be decoded.")
        rate = _frame_rate(container, stream)
        return VideoInfo(
            path=path,
            width=context.width,
            height=context.height,
            orientation=Orientation.of_frame(first),
            sample_aspect_ratio=plausible_aspect(Fraction(stream.sample_aspect_ratio or 1)),
            time_base=Fraction(stream.time_base or 1 / rate),
            average_rate=rate,
            start=_start(container, first),
            duration=stated_duration(container, stream),
            frame_count=stream.frames or _implied_frame_count(container, rate),
            codec=context.name,
            hdr_metadata=HdrMetadata.from_frame(first),
            pixel_format=ALPHA_FORMAT
            if has_alpha_plane(stream)
            else context.pix_fmt or first.format.name,
            interlaced=first.interlaced_frame,
            states_pts=states_pts(container, stream),
            color=ColorTags(
                context.color_primaries, context.color_trc, context.colorspace, context.color_range
            ),
        )


def states_pts(container: InputContainer, stream: VideoStream) -> bool:
    """Return whether the packets state when their frames are shown.

    Raw streams store no times, MPEG program streams some, and AVI, ASF and MXF none of reordered
    frames: only the decoder knows them.

    Args:
        container: The open container.
        stream: Its video stream.
    """
    if container.format.name in _WITHOUT_TIMES:
        return False
    reordered = stream.codec_context.has_b_frames
    return not (reordered and container.format.name in _WITHOUT_TIMES_OF_REORDERED)


def _start(container: InputContainer, first: av.VideoFrame) -> Fraction:
    """Return when the file starts: at least 0, unless the first frame is earlier than stated."""
    stated = max(Fraction(0), Fraction(container.start_time or 0, av.time_base))
    shown = (first.pts or 0) * Fraction(first.time_base or 1)
    return stated if first.pts is None else min(stated, shown)


def _pixel_format(stream: VideoStream, first: av.VideoFrame) -> str:
    if has_alpha_plane(stream):
        return ALPHA_FORMAT
    return stream.codec_context.pix_fmt or first.format.name


def plausible_rate(rate: Fraction | None) -> Fraction:
    """Return a frame rate, or 25 if it is unknown or higher than any camera's.

    Args:
        rate: Frames per second as FFmpeg states them; None or 0: unknown.
    """
    # Fraction(): PyAV 19 and later return their own rational type.
    stated = Fraction(rate or 0)
    return stated if 0 < stated <= _MAX_RATE else _FALLBACK_RATE


def _frame_rate(container: InputContainer, stream: VideoStream) -> Fraction:
    """Return the average rate, or the nominal one if only rounded durations explain the difference.

    The average is the frame count divided by the duration, which the last frame's rounded duration
    changes: 29.39 for ten frames at 29.97.
    """
    average = Fraction(stream.average_rate or stream.guessed_rate or 0)
    if average != plausible_rate(average):
        return plausible_rate(average)
    nominal = Fraction(stream.base_rate or average)
    seconds = stated_duration(container, stream) or 0.0
    difference = abs(nominal - average)
    few_frames = difference * Fraction(seconds) < _MAX_EXTRA_FRAMES
    return nominal if few_frames and difference <= average * _MAX_RATE_DIFFERENCE else average


def stated_duration(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the stream's duration in seconds, None if the file does not state it.

    Args:
        container: The open container.
        stream: Its video stream.
    """
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # Matroska stores each stream's end time as a tag.
    if match := _MATROSKA_DURATION.fullmatch(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = match.groups()
        end = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        return end - float((stream.start_time or 0) * (stream.time_base or 0))
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return None


def moving_pictures(container: InputContainer) -> list[VideoStream]:
    """Return the video streams without cover pictures, which are streams of one frame.

    Args:
        container: The open container.
    """
    cover = av.stream.Disposition.attached_pic
    return [stream for stream in container.streams.video if not stream.disposition & cover]


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    if any(part in container.format.name for part in _IMAGE_DEMUXERS):
        raise MediaUnreadable(f"{path} is an image, not a video; give a video file.")
    streams = moving_pictures(container)
    if not streams:
        raise MediaUnreadable(f"{path} has no video stream, only {_stream_types(container)}.")
    stream = streams[0]
    if stream.codec_context is None:
        raise MediaUnreadable(
            f"{path} uses a codec that FFmpeg does not support; convert it to another one."
        )
    if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
        raise MediaUnreadable(
            f"{path} has frames of more than {MAX_PIXELS / 1e6:.0f} million pixels; scale it down."
        )
    stream.thread_type = "AUTO"
    _check_not_truncated(stream, path)
    return stream


def _stream_types(container: InputContainer) -> str:
    return ", ".join(sorted({s.type for s in container.streams})) or "no stream at all"


def _check_not_truncated(stream: VideoStream, path: Path) -> None:
    """Check that the file's index does not point beyond its end.

    FFmpeg decodes the existing frames without an error, so a partially copied video would give
    a shorter output that looks complete.
    """
    end = max((entry.pos + entry.size for entry in stream.index_entries), default=0)
    size = path.stat().st_size
    if end > size:
        raise MediaUnreadable(
            f"{path} is truncated: its index refers to {end} bytes and the file has {size}; copy "
            "or download it again."
        )


def _implied_frame_count(container: InputContainer, rate: Fraction) -> int | None:
    if container.duration is None:
        return None
    return round(float(Fraction(container.duration, av.time_base) * rate))
