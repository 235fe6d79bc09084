"""The timecode of a source's first frame, and of a later one."""

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction

from av.container import InputContainer

from faceloom.video.probe import moving_pictures

# SMPTE timecode: hours, minutes, seconds, frames; a semicolon or dot marks drop-frame counting.
_TIMECODE = re.compile(r"(\d{1,2}):(\d\d):(\d\d)([:;.])(\d{1,5})")
_TAG = "timecode"
# Drop-frame timecode leaves out so many numbers per nominal 30 frames per second, each minute that
# is not a multiple of ten (SMPTE ST 12-1).
_DROPPED_PER_MINUTE = 2


def source_timecode(container: InputContainer) -> str | None:
    """Return the timecode of the first frame: of the picture, its timecode track or the file.

    Args:
        container: The open source.

    Returns:
        Such as "01:00:00:02"; None if there is none.
    """
    streams = [*moving_pictures(container)[:1], *container.streams.data]
    return _first(
        tags.get(key, "")
        for tags in (*(s.metadata for s in streams), container.metadata)
        for key in tags
        if key.lower() == _TAG
    )


def advance(timecode: str, frames: int, rate: Fraction) -> str:
    """Return the timecode of a later frame.

    Args:
        timecode: The first frame's, from `source_timecode`.
        frames: Frames from there.
        rate: Frames per second.
    """
    match = _TIMECODE.fullmatch(timecode)
    if match is None or frames == 0:
        return timecode
    hours, minutes, seconds, mark, number = match.groups()
    per_second = max(1, round(rate))
    drop = _DROPPED_PER_MINUTE * (per_second // 30) if mark != ":" else 0
    total_minutes = int(hours) * 60 + int(minutes)
    count = (total_minutes * 60 + int(seconds)) * per_second + int(number)
    count -= drop * (total_minutes - total_minutes // 10)
    return _format(count + frames, per_second, drop, mark)


def equal(first: str | None, second: str | None) -> bool:
    """Return whether two timecodes name the same frame; containers differ in zeros and marks.

    Args:
        first: A timecode, or None.
        second: Another one.
    """
    numbers = [
        [int(part) for part in re.findall(r"\d+", text)] if text else None
        for text in (first, second)
    ]
    return numbers[0] == numbers[1]


def has_timecode(tags: Mapping[str, str]) -> bool:
    """Return whether tags contain a timecode.

    Args:
        tags: Tags of a container or a stream.
    """
    return any(key.lower() == _TAG for key in tags)


def without_timecode(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags without a timecode, which is written to the picture stream.

    Args:
        tags: Tags of a container or a stream.
    """
    return {key: value for key, value in tags.items() if key.lower() != _TAG}


def _first(values: Iterable[str]) -> str | None:
    return next((value for value in values if _TIMECODE.fullmatch(value)), None)


def _format(count: int, per_second: int, drop: int, mark: str) -> str:
    """Write a frame count since midnight as a timecode."""
    if drop:
        per_minute = per_second * 60 - drop
        tens, rest = divmod(count, per_minute * 10 + drop)
        count += drop * 9 * tens + drop * max(0, (rest - drop) // per_minute)
    seconds, number = divmod(count, per_second)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours % 24:02}:{minutes:02}:{seconds:02}{mark}{number:02}"
