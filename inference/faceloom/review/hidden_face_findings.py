"""Findings about what hides the faces of a face set: fringes, glasses, hands."""

from collections.abc import Callable

import numpy as np

from faceloom.review.commands import add_command, curate_command
from faceloom.review.finding import ReviewFinding, Severity, format_percent
from faceloom.review.statistics import FaceSetStatistics

# Share of the forehead from which hair covers it: a fringe, as opposed to a hairline, which takes
# up to 0.13 of the mesh mask's forehead.
_FRINGE = 0.3
# Share of the faces with a fringe that is worth noting, and from which the forehead is never seen:
# in a few faces the hair flies up or is missed.
_MANY_FRINGES = 0.1
_ALWAYS_FRINGE = 0.95
# Share of the face from which someone wears glasses (see `face_mask`).
_GLASSES = 0.015
# Share of the faces with glasses, or without, below which they are chance.
_SOME_GLASSES = 0.05
# Share of the face from which something hides it.
_OCCLUDED = 0.1
# Share of the faces that is a problem.
_MANY_OCCLUDED = 0.05


def hidden_forehead(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find a forehead that is never visible, or often covered.

    Args:
        person: The face set.
    """
    covered = person.hidden("fringe") > _FRINGE
    share = float(covered.mean())
    if share < _MANY_FRINGES:
        return None
    measurements = {"share": share, "median": float(np.median(person.hidden("fringe")))}
    if share < _ALWAYS_FRINGE:
        return ReviewFinding(
            "fringe",
            Severity.NOTE,
            f"Hair covers {person.name}'s forehead in {format_percent(share)} of the faces.",
            "Leave them: a conversion keeps hair off the target's skin.",
            share,
            measurements,
        )
    return ReviewFinding(
        "hidden forehead",
        Severity.WARNING,
        f"{person.name}'s forehead is never visible: a fringe covers it in "
        f"{format_percent(share)} of the faces.",
        f"Add footage of {person.name} with the hair back ({add_command(person)}); without it, a "
        "target's visible forehead stays the target's own.",
        share,
        measurements,
    )


def glasses(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find glasses, worn always or in a part of the faces.

    Args:
        person: The face set.
    """
    share = float((person.hidden("glasses") > _GLASSES).mean())
    if share < _SOME_GLASSES:
        return None
    if share > 1 - _SOME_GLASSES:
        return ReviewFinding(
            "glasses",
            Severity.NOTE,
            f"{person.name} always wears glasses.",
            "The swap will too; with --glasses target, convert shows the target's alone.",
            share,
            {"share": share},
        )
    return ReviewFinding(
        "glasses",
        Severity.WARNING,
        f"{person.name} wears glasses in {format_percent(share)} of the faces and not in the "
        "others.",
        "Remove the faces with glasses.",
        share,
        {"share": share},
        curate_command(person, "--drop", f"glasses>{_GLASSES}"),
        "Add footage without glasses; without these faces, too few would remain.",
    )


def occluded(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find many faces that hands or other things hide.

    Args:
        person: The face set.
    """
    share = float((person.hidden("occluded") > _OCCLUDED).mean())
    if share < _MANY_OCCLUDED:
        return None
    return ReviewFinding(
        "occluded",
        Severity.NOTE,
        f"Hands or other things hide {person.name}'s face in {format_percent(share)} of the faces.",
        "Little is learned from them; remove them.",
        share,
        {"share": share},
        curate_command(person, "--drop", f"occluded>{_OCCLUDED}"),
        "Leave them: too few faces would remain without them.",
    )


# Functions that return a finding, or None where there is no problem.
HIDDEN_FACE_CHECKS: tuple[Callable[[FaceSetStatistics], ReviewFinding | None], ...] = (
    hidden_forehead,
    glasses,
    occluded,
)
