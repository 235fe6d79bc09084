"""A stretch of a video, as people write it: numbers of frames, or times."""

import re
from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction

from faceloom.errors import UsageError
from faceloom.video.info import VideoInfo
from faceloom.video.probe import open_video

# A frame's number, or seconds of the video's clock.
Moment = int | Fraction

# Fifteen digits are enough, and Python refuses numbers of thousands.
_NUMBER, _SHARE = r"\d{1,15}", r"(?:\.\d{1,15})?"
_SIDE = rf"({_NUMBER}:\d\d:\d\d{_SHARE}|{_NUMBER}{_SHARE}s|{_NUMBER})?"
_RANGE = re.compile(f"{_SIDE}:{_SIDE}")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A range in one video: frames `start` to `stop` (not included; None: to the end), and when that is.

    `start_pts` is the time of frame `start`, in the video's own units, for `read_frames`; `begin` and `end` are
    seconds after the video's first moment, for `join_segments`.
    """

    start: int
    stop: int | None
    start_pts: int | None
    begin: Fraction
    end: Fraction | None


@dataclass(frozen=True, slots=True)
class FrameRange:
    """`first` is in the range and `last` is not; None is the video's beginning or end."""

    first: Moment | None = None
    last: Moment | None = None

    @classmethod
    def parse(cls, text: str) -> "FrameRange":
        """Read A:B, each a frame's number (120), seconds (12.5s), a clock's time (00:01:02.5) or nothing.

        Raises UsageError for what is none or can hold no frame.
        """
        match = _RANGE.fullmatch(text.strip())
        first, last = map(_moment, match.groups()) if match else (None, None)
        both = first is not None and last is not None
        if match is None or (both and isinstance(first, int) != isinstance(last, int)):
            raise UsageError(
                f"--range {text} is not A:B; give frame numbers (100:250), seconds (4s:10.5s) or times "
                "(00:00:04:00:00:10.5); either side may be empty."
            )
        if first is not None and last is not None and first >= last:
            raise UsageError(f"--range {text} holds no frame: its end is not after its beginning.")
        return cls(first, last)

    def resolve(self, info: VideoInfo) -> Stretch:
        """Find the range's frames in a video, times by when each frame is shown.

        Raises UsageError if there are none.
        """
        times = frame_times(info)
        clock = [time * info.time_base - info.start for time in times]
        start = _number(self.first, clock, 0)
        stop = min(_number(self.last, clock, len(times)), len(times))
        if start >= stop:
            raise UsageError(
                f"The range holds no frame of {info.path}, which has {len(times)} frames and begins its last one "
                f"at {float(clock[-1]) if clock else 0:.3f} s."
            )
        whole = stop == len(times)
        # Sound may come before the first frame.
        begin = clock[start] if start else Fraction(0)
        return Stretch(
            start, None if whole else stop, times[start], begin, None if whole else clock[stop]
        )


def frame_times(info: VideoInfo) -> list[int]:
    """Return when each frame is shown, in units of `info.time_base`, without decoding any."""
    if info.kind == "pictures":
        return list(range(info.frame_count or 0))
    with open_video(info.path) as (container, stream):
        coded = [
            (p.pts, p.is_keyframe)
            for p in container.demux(stream)
            if p.pts is not None and not p.is_discard
        ]
    # What lies or is shown before the first key frame (a recording that was cut) decodes to nothing.
    key = next((number for number, (_, is_key) in enumerate(coded) if is_key), 0)
    return sorted(pts for pts, _ in coded[key:] if pts >= coded[key][0])


def _moment(text: str | None) -> Moment | None:
    if text is None:
        return None
    if text.isdigit():
        return int(text)
    if text.endswith("s"):
        return Fraction(text[:-1])
    hours, minutes, seconds = text.split(":")
    return Fraction(seconds) + int(minutes) * 60 + int(hours) * 3600


def _number(moment: Moment | None, clock: list[Fraction], otherwise: int) -> int:
    """Return the number of the first frame that is shown at a moment or later."""
    if moment is None:
        return otherwise
    return moment if isinstance(moment, int) else bisect_left(clock, moment)
