"""The part of the original that a swap shows, from the job that converted it."""

import re
from collections.abc import Sequence
from pathlib import Path

from faceloom.studio.jobs.job import Job

# --range as the studio writes it: the first frame, and the frame after the last one; either may be
# left out.
_FRAMES = re.compile(r"(\d*):(\d*)")


def first_frame_of(swap: Path, jobs: Sequence[Job]) -> int | None:
    """Return the frame of the original at which a swap starts.

    Args:
        swap: The swap.
        jobs: The project's jobs.

    Returns:
        The frame's index; None if the swap shows all of the original, or if the part is unknown.
    """
    own = [job for job in jobs if job.request.artifact == str(swap)]
    arguments = max(own, key=lambda job: job.number).request.arguments if own else ()
    if "--range" not in arguments[:-1]:
        return None
    match = _FRAMES.fullmatch(arguments[arguments.index("--range") + 1])
    return int(match[1] or 0) if match else None
