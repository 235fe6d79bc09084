"""The worst moments of a clip: those of its swap that was compared last."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from faceloom.errors import ArtifactRefused
from faceloom.studio.jobs.job import Job
from faceloom.studio.results.converted_range import first_frame_of
from faceloom.studio.results.judgment import WorstMoment, find_comparison, read_judgment
from faceloom.studio.results.original import find_original
from faceloom.studio.studio_project import Item


@dataclass(frozen=True, slots=True)
class ClipMoments:
    """The worst moments of a swap, by the frames of its original."""

    swap: Item
    """The swap."""
    moments: tuple[WorstMoment, ...]
    """Its worst frames, ascending."""
    is_outdated: bool
    """Whether the swap was written after it was compared."""


def find_clip_moments(clip: Item, swaps: Sequence[Item], jobs: Sequence[Job]) -> ClipMoments | None:
    """Return the worst moments of a clip.

    Args:
        clip: The clip.
        swaps: All swaps.
        jobs: The project's jobs.

    Returns:
        The moments; None if no swap of the clip was compared. A swap of a part of the clip does
        not count: the judge compares whole videos.
    """
    for swap in _last_compared_first(swaps):
        # The page of the swap says what is wrong with a damaged file; one may be deleted meanwhile.
        with suppress(ArtifactRefused, FileNotFoundError):
            original = find_original(swap.path, jobs)
            if original is None or original.resolve() != clip.path:
                continue
            if first_frame_of(swap.path, jobs) is not None:
                continue
            judgment = read_judgment(swap.path)
            if judgment is not None:
                return ClipMoments(swap, judgment.moments, judgment.is_outdated)
    return None


def _last_compared_first(swaps: Sequence[Item]) -> list[Item]:
    """Return the swaps that were compared, the last comparison first."""
    compared = list[tuple[int, Item]]()
    for swap in swaps:
        with suppress(FileNotFoundError):
            if path := find_comparison(swap.path):
                compared.append((path.stat().st_mtime_ns, swap))
    return [swap for _, swap in sorted(compared, key=lambda row: row[0], reverse=True)]
