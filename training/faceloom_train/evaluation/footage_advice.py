"""Advise which footage would improve a run most."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom.review.coverage_findings import DIRECTION_CHECKS
from faceloom.review.faceset_findings import FACESET_CHECKS
from faceloom.review.faceset_measurement import measure_faceset
from faceloom.review.finding import ReviewFinding, Severity, sort_by_severity
from faceloom.review.judgment import list_directions
from faceloom.review.statistics import FaceSetStatistics

# Difference in reconstruction SSIM from which on the worse identity is said to lack footage.
_MIN_SSIM_DIFFERENCE = 0.02
# Most actions that are listed.
_MAX_ACTIONS = 2


def advise_footage(sets: Mapping[str, FaceSet], reconstruction_ssim: Mapping[str, float]) -> str:
    """Advise for whom to add footage, and which.

    An identity whose reconstructions are clearly worse comes first, otherwise the one with the most
    severe finding of the face set review. Reads a few hundred images.

    Args:
        sets: Face set of each identity.
        reconstruction_ssim: SSIM of the reconstructed validation faces of each identity; may be
            empty.

    Returns:
        The end of a sentence that starts with "more steps will not help; ", without its period.
    """
    people = [
        replace(run_to_completion(measure_faceset(faces)), name=name)
        for name, faces in sets.items()
    ]
    findings = {person.name: _find_gaps(person, people) for person in people}
    ssim = reconstruction_ssim
    worst = min(ssim, key=lambda name: ssim[name], default="")
    best = max(ssim, key=lambda name: ssim[name], default="")
    if worst and ssim[best] - ssim[worst] >= _MIN_SSIM_DIFFERENCE:
        reason = (
            f" (its validation faces are reconstructed with an SSIM of {ssim[worst]:.2f}, "
            f"{best}'s with {ssim[best]:.2f})"
        )
        return f"more footage of {worst} will{reason}{_actions(findings[worst])}"
    found = [(finding, name) for name, own in findings.items() for finding in own]
    if not found:
        return "the review of the face sets finds no gaps: a larger network may"
    most_severe = sort_by_severity([finding for finding, _ in found])[0]
    name = next(name for finding, name in found if finding is most_severe)
    return f"more footage of {name} will{_actions(findings[name])}"


def _find_gaps(
    person: FaceSetStatistics, people: Sequence[FaceSetStatistics]
) -> list[ReviewFinding]:
    """Return the review's findings about a person as the source of swaps, the most severe first."""
    directions = [
        direction for direction in list_directions(people, None) if direction.source is person
    ]
    found = [
        *(finding for check in FACESET_CHECKS if (finding := check(person))),
        *(
            finding
            for direction in directions
            for check in DIRECTION_CHECKS
            if (finding := check(direction))
        ),
    ]
    return [finding for finding in sort_by_severity(found) if finding.severity is not Severity.NOTE]


def _actions(findings: Sequence[ReviewFinding]) -> str:
    actions = list(dict.fromkeys(finding.action.rstrip(".") for finding in findings))
    return "".join(f". {action}" for action in actions[:_MAX_ACTIONS])
