"""The part of a video to process, as given by `--range`: in frame indices or in times."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from faceloom.errors import UsageError
from faceloom.video.decoding.rising_clock import RisingClock
from faceloom.video.ffmpeg_errors import as_media_unreadable
from faceloom.video.info import VideoInfo
from faceloom.video.probe import open_video
from faceloom.video.read import decoded_pts

# A frame index (int) or seconds after the video's start (Fraction).
RangeBound = int | Fraction

# At most 15 digits: int() rejects strings of thousands of digits.
_DIGITS = r"\d{1,15}"
_FRACTION = r"(?:\.\d{1,15})?"
_BOUND = rf"({_DIGITS}:\d\d:\d\d{_FRACTION}|{_DIGITS}{_FRACTION}s|{_DIGITS})?"
_RANGE = re.compile(f"{_BOUND}:{_BOUND}")


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A half-open interval of time in seconds."""

    start: Fraction = Fraction(0)
    """Start in seconds, included."""

    end: Fraction | None = None
    """End in seconds, not included; None: to the end of the video."""

    def shifted(self, seconds: Fraction) -> "TimeRange":
        """Return the range moved later by an offset.

        Args:
            seconds: The offset in seconds.
        """
        return TimeRange(self.start + seconds, None if self.end is None else self.end + seconds)


@dataclass(frozen=True, slots=True)
class ResolvedRange:
    """A `FrameRange` applied to one video."""

    start: int = 0
    """Index of the first frame."""

    stop: int | None = None
    """Index after the last frame; None: to the end of the video."""

    start_pts: int | None = None
    """PTS of frame `start` in the video's time base, for `read_frames`; None: unknown."""

    time_range: TimeRange = TimeRange()
    """The same range in seconds after `VideoInfo.start`, for `join_segments`."""


@dataclass(frozen=True, slots=True)
class FrameRange:
    """A part of a video: half-open, both bounds of the same kind."""

    first: RangeBound | None = None
    """First frame that is included; None: from the start of the video."""

    last: RangeBound | None = None
    """First frame that is not included; None: to the end of the video."""

    @classmethod
    def parse(cls, text: str) -> "FrameRange":
        """Parse the value of `--range`.

        Args:
            text: "A:B". Each bound is a frame index (120), seconds (12.5s), a time
                (00:01:02.5) or empty.

        Raises:
            UsageError: If the text has another form or the range is empty.
        """
        match = _RANGE.fullmatch(text.strip())
        first, last = map(_parse_bound, match.groups()) if match else (None, None)
        both = first is not None and last is not None
        if match is None or (both and isinstance(first, int) != isinstance(last, int)):
            raise UsageError(
                f"--range {text} is not A:B; give frame indices (100:250), seconds (4s:10.5s) or "
                "times (00:00:04:00:00:10.5). Either side may be empty."
            )
        if first is not None and last is not None and first >= last:
            raise UsageError(f"--range {text} is empty: its end is not after its start.")
        return cls(first, last)

    def __str__(self) -> str:
        """Return the range as `parse` takes it, times rounded to microseconds."""
        return ":".join(map(_bound_text, (self.first, self.last)))

    def indices(self, seconds: Sequence[Fraction]) -> tuple[int, int]:
        """Return the index of the first frame and the index after the last one.

        Args:
            seconds: The presentation time of each frame of the video, after its start.

        Returns:
            Both indices; the first is not less than the second if no frame is in the range.
        """
        count = len(seconds)
        start = _frame_index(self.first, seconds, 0)
        return start, min(_frame_index(self.last, seconds, count), count)

    def resolve(self, info: VideoInfo) -> ResolvedRange:
        """Find the frames of the range in a video.

        Args:
            info: The video. Times select frames by their presentation time.

        Raises:
            UsageError: If the video has no frame in the range.
        """
        pts = read_frame_pts(info)
        seconds = _to_seconds(pts, info)
        start, stop = self.indices(seconds)
        if start >= stop:
            raise UsageError(
                f"The range contains no frame of {info.path}, which has {len(pts)} frames; the "
                f"last one starts at {float(seconds[-1]) if seconds else 0:.3f} s."
            )
        to_end = stop == len(pts)
        # At frame 0 the range starts at 0: audio may start before the first frame.
        time_range = TimeRange(
            seconds[start] if start else Fraction(0), None if to_end else seconds[stop]
        )
        return ResolvedRange(start, None if to_end else stop, pts[start], time_range)


def read_frame_seconds(info: VideoInfo) -> list[Fraction]:
    """Return the presentation time of each frame in seconds after the video's start.

    Args:
        info: The probed video or image sequence.
    """
    return _to_seconds(read_frame_pts(info), info)


def read_frame_pts(info: VideoInfo) -> list[int]:
    """Return the PTS of each frame, in units of `info.time_base`; decodes only if it must.

    Args:
        info: The probed video or image sequence.

    Returns:
        PTS that rise, as `read_frames` gives them.
    """
    if info.kind == "image_sequence":
        return list(range(info.frame_count or 0))
    if not info.states_pts:
        return decoded_pts(info.path)
    clock = RisingClock(info.time_base)
    return [clock.next(pts) for pts in _stored_pts(info)]


def with_repeated_times(info: VideoInfo) -> VideoInfo:
    """Return the properties with the number of frames whose time does not rise.

    Args:
        info: The probed video or image sequence.
    """
    if info.kind == "image_sequence" or not info.states_pts:
        return info
    clock = RisingClock(info.time_base)
    for pts in _stored_pts(info):
        clock.next(pts)
    return replace(info, repeated_times=clock.moved)


def _to_seconds(pts: Sequence[int], info: VideoInfo) -> list[Fraction]:
    return [time * info.time_base - info.start for time in pts]


def _stored_pts(info: VideoInfo) -> list[int]:
    with as_media_unreadable(info.path), open_video(info.path) as (container, stream):
        packets = [
            (p.pts, p.is_keyframe)
            for p in container.demux(stream)
            if p.pts is not None and not p.is_discard
        ]
    # Packets that are decoded or shown before the first key frame (in a trimmed recording)
    # produce no frame.
    key = next((index for index, (_, is_key) in enumerate(packets) if is_key), 0)
    return sorted(pts for pts, _ in packets[key:] if pts >= packets[key][0])


def _parse_bound(text: str | None) -> RangeBound | None:
    if text is None:
        return None
    if text.isdigit():
        return int(text)
    if text.endswith("s"):
        return Fraction(text[:-1])
    hours, minutes, seconds = text.split(":")
    return Fraction(seconds) + int(minutes) * 60 + int(hours) * 3600


def _bound_text(bound: RangeBound | None) -> str:
    if bound is None:
        return ""
    if isinstance(bound, int):
        return str(bound)
    return f"{float(bound):.6f}".rstrip("0").rstrip(".") + "s"


def _frame_index(bound: RangeBound | None, seconds: Sequence[Fraction], default: int) -> int:
    """Return the index of the first frame shown at `bound` or later."""
    if bound is None:
        return default
    return bound if isinstance(bound, int) else bisect_left(seconds, bound)
