"""Decode the frames of a video in presentation order."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from faceloom.array_types import Rgb
from faceloom.choices import Decoder, OnDamaged
from faceloom.errors import MediaUnreadable
from faceloom.video.decoding.alpha import decoder_of
from faceloom.video.decoding.damaged_frames import FrameDecoder
from faceloom.video.decoding.hardware import hardware_decoder_of
from faceloom.video.decoding.rising_clock import RisingClock
from faceloom.video.ffmpeg_errors import as_media_unreadable
from faceloom.video.info import Frame
from faceloom.video.pixel_format import to_rgb
from faceloom.video.probe import open_video, plausible_rate, stated_duration, states_pts

# How much earlier than stated the last frame may end, in seconds.
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
    on_damaged: OnDamaged = "stop",
    decoder: Decoder = "software",
) -> Iterator[Frame]:
    """Yield the frames of a video in presentation order and coded orientation.

    All frames up to `stop` are decoded, also those that are not yielded, unless `start_pts` is
    given: then decoding starts at the key frame before it.

    Args:
        path: The video.
        start: Index of the first frame.
        stop: Index after the last frame; None: to the end.
        every: Yield only frames whose index is a multiple of this.
        start_pts: PTS of frame `start`, to seek there; only if all times rise.
        on_damaged: "repeat" yields the frame before a damaged one again.
        decoder: What decodes; "cuda" falls back to software with a warning.

    Yields:
        Frames whose times rise: a frame with an earlier one's time gets the next free time.

    Raises:
        UsageError: If there is no such file (before the first frame).
        FrameDamaged: If a frame is damaged.
        MediaUnreadable: If it is not a video, or ends much earlier than it states.
    """
    if start_pts is not None and not _can_seek(path, start_pts):
        start_pts = None
    with open_video(path) as (container, stream):
        end, index, longest = 0.0, -1, 0
        last_stored: int | None = None
        base = Fraction(stream.time_base or 1)
        clock = RisingClock(base)
        last: Rgb | None = None
        for index, stored, decoded in _decode(
            container, stream, path, start_pts, start, on_damaged, decoder
        ):
            if stop is not None and index >= stop:
                return
            duration = 0 if decoded is None else decoded.duration or 0
            # The last frame may stand for seconds, as in a GIF; not every format says so.
            longest = max(longest, stored - (last_stored or stored))
            end, last_stored = float((stored + max(duration, longest)) * base), stored
            pts = clock.next(stored)
            rgb = to_rgb(decoded) if decoded is not None else last
            if on_damaged == "repeat" and rgb is not None:
                last = rgb.copy()  # the frame that is yielded may be painted into
            if rgb is None or index < start or index % every:
                continue
            yield Frame(index, pts, duration, base, rgb, decoded)
        # MP4 gives the last frame in decoding order the duration of the last one that is shown.
        if states_pts(container, stream) and not 0 < stream.frames <= index + 1:
            check_end(container, stream, path, end)


def decoded_pts(path: Path) -> list[int]:
    """Return the PTS of each frame by decoding all, as `read_frames` gives them.

    Args:
        path: The video.

    Raises:
        MediaUnreadable: If it cannot be decoded.
    """
    with open_video(path) as (container, stream):
        clock = RisingClock(Fraction(stream.time_base or 1))
        return [
            clock.next(pts)
            for _, pts, _ in _decode(container, stream, path, None, 0, "repeat", "software")
        ]


def _typical_step(stream: VideoStream) -> int:
    """Return the time from frame to frame, in the stream's time base, for frames without a time."""
    seconds = 1 / plausible_rate(stream.guessed_rate)
    return max(1, round(seconds / Fraction(stream.time_base or 1)))


def _can_seek(path: Path, start_pts: int) -> bool:
    """Return whether FFmpeg can seek to a time and to the start; some AVI files have no index."""
    with open_video(path) as (container, stream):
        try:
            container.seek(start_pts, stream=stream)
            container.seek(stream.start_time or 0, stream=stream)
        except av.FFmpegError:
            return False
    return True


def _decode(
    container: InputContainer,
    stream: VideoStream,
    path: Path,
    start_pts: int | None,
    start: int,
    on_damaged: OnDamaged,
    decoder: Decoder,
) -> Iterator[tuple[int, int, av.VideoFrame | None]]:
    """Yield index, PTS and picture (None: lost) of each frame: all, or from frame `start`."""
    packets = (
        container.demux(stream)
        if start_pts is None
        else _packets_from(container, stream, start_pts)
    )
    index = 0 if start_pts is None else start
    before: av.VideoFrame | None = None
    with as_media_unreadable(path):
        on_gpu = hardware_decoder_of(stream, path) if decoder == "cuda" else None
        decode_packet = on_gpu or decoder_of(stream)
        frames = FrameDecoder(path, decode_packet, on_damaged, states_pts(container, stream))
        last, step = None, _typical_step(stream)
        for stated, picture in frames.decode(packets):
            pts = stated
            if pts is None:
                pts = 0 if last is None else last + step
            last = pts
            if start_pts is not None and pts < start_pts:
                before = picture or before
                continue
            # If the first frame is lost, the one before the start is shown.
            decoded, before = picture or before, None
            if start_pts is not None and index == start and pts != start_pts:
                raise MediaUnreadable(
                    f"{path} has no frame at PTS {start_pts}; the file changed while it was "
                    "being read."
                )
            yield index, pts, decoded
            index += 1


def _packets_from(
    container: InputContainer, stream: VideoStream, start_pts: int
) -> "Iterator[Packet[VideoStream]]":
    """Yield packets from a key frame shown at or before `start_pts`, or from the first packet.

    Seeking goes by decode timestamps, so the key frame it finds may be shown after `start_pts`.
    """
    for seconds in _SEEK_BACK_SECONDS:
        try:
            container.seek(start_pts - round(seconds / (stream.time_base or 1)), stream=stream)
        except av.FFmpegError:
            continue  # before the first key frame
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
    """Check that the last frame ends near the stated end of the video.

    Args:
        container: The open container.
        stream: Its video stream.
        path: The video, for messages.
        end: When the last frame ends, in seconds.

    Raises:
        MediaUnreadable: If the last frame ends much earlier.
    """
    stated = stated_duration(container, stream)
    # FLV does not store how long the last frame is shown, and its duration is often wrong.
    if stated is None or container.format.name == "flv":
        return
    seconds = end
    if container.format.name != "asf":  # whose duration counts from 0
        seconds -= float((stream.start_time or 0) * (stream.time_base or 0))
    if seconds < stated - max(_EARLY_END_SECONDS, _EARLY_END_SHARE * stated):
        raise MediaUnreadable(
            f"{path} is damaged: its frames end at {seconds:.1f} s of {stated:.1f} s; copy or "
            "download it again."
        )
