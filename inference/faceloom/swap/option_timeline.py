"""Which options apply at each frame of a target: the conversion's, or those of a section."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from faceloom.errors import UsageError
from faceloom.swap.options import Section, SwapOptions
from faceloom.video import FrameRange, VideoInfo
from faceloom.video.frame_range import read_frame_seconds


class OptionTimeline:
    """Returns the options that apply at a frame.

    Equal options in different sections are different variants. `FaceSelector` and `FrameSwapper`
    decide which of their state continues at the start and the end of a section.
    """

    def __init__(self, options: SwapOptions, sections: Sequence[Section] = ()):
        """Combine the options of a conversion and of its sections.

        Args:
            options: the options where there is no section.
            sections: what `resolve_sections` returns.
        """
        self.variants: tuple[SwapOptions, ...] = (options, *(each.options for each in sections))
        """The options outside all sections, then those of each section."""
        self._sections = tuple(sections)
        bounds = [section_bounds(section) for section in sections]
        self._starts = [start for start, _ in bounds]
        self._stops = [stop for _, stop in bounds]

    def variant_at(self, index: int) -> int:
        """Return the position in `variants` of the options at a frame.

        Args:
            index: the frame's index in the target.
        """
        if not self._sections:
            return 0
        number = bisect_right(self._starts, index)
        return number if number and index < self._stops[number - 1] else 0

    def options_at(self, index: int) -> SwapOptions:
        """Return the options at a frame.

        Args:
            index: the frame's index in the target.
        """
        return self.variants[self.variant_at(index)]

    def swaps(self, variant: int) -> bool:
        """Tell whether faces are swapped in the frames of a variant.

        Args:
            variant: what `variant_at` returns.
        """
        return variant == 0 or self._sections[variant - 1].swap


def section_bounds(section: Section) -> tuple[int, int]:
    """Return the index of a section's first frame, and the index after its last one.

    Args:
        section: one of what `resolve_sections` returns.

    Raises:
        TypeError: the section is given in times.
    """
    first, last = section.frames.first, section.frames.last
    if not (isinstance(first, int) and isinstance(last, int)):
        raise TypeError(f"section {section.frames} is not resolved; call resolve_sections first")
    return first, last


def resolve_sections(sections: Sequence[Section], info: VideoInfo) -> tuple[Section, ...]:
    """Find the frames of sections in a target and check them.

    Args:
        sections: the sections, in indices or in times.
        info: the target. An end time after its last frame is its end.

    Returns:
        The sections in the order of their frames, all with both bounds as indices.

    Raises:
        UsageError: a section is not in the target, two sections overlap, or a selection is invalid.
    """
    if not sections:
        return ()
    for section in sections:
        section.options.check()
    seconds = read_frame_seconds(info)
    ranges = [(_indices_in(section.frames, info, seconds), section) for section in sections]
    ranges.sort(key=lambda row: row[0])
    for ((_, stop), section), ((start, _), following) in pairwise(ranges):
        if start < stop:
            raise UsageError(
                f"{info.path}: the sections {section.frames} and {following.frames} overlap from "
                f"frame {start} on; let the first one end at frame {start}, or the second one "
                f"start at frame {stop}."
            )
    return tuple(replace(section, frames=FrameRange(*bounds)) for bounds, section in ranges)


def _indices_in(
    frames: FrameRange, info: VideoInfo, seconds: Sequence[Fraction]
) -> tuple[int, int]:
    """Return the bounds of a section in a target."""
    start, stop = frames.indices(seconds)
    is_outside = isinstance(frames.last, int) and frames.last > len(seconds)
    if start >= stop or is_outside:
        raise UsageError(
            f"{info.path}: the section {frames} is not in the target, which has {len(seconds)} "
            f"frames; the last one, frame {len(seconds) - 1}, starts at "
            f"{float(seconds[-1]) if seconds else 0:.3f} s."
        )
    return start, stop
