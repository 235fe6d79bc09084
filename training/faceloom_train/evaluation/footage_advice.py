"""Which footage a run would learn most from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom.review.coverage_findings import OF_DIRECTION
from faceloom.review.faceset_findings import OF_PERSON
from faceloom.review.finding import Finding, Severity, gravest_first
from faceloom.review.measure import measure_person
from faceloom.review.report import list_directions
from faceloom.review.statistics import Person

# Of two people whose faces are given back so much unlike, the worse one lacks something.
_UNLIKE = 0.02
_SAID = 2


def advise_footage(sets: Mapping[str, FaceSet], redrawn: Mapping[str, float]) -> str:
    """Say in words whose footage helps most, and which, as the end of "more steps will not help; ".

    redrawn: the SSIM of each identity's held-out faces as its own decoder draws them. The person whose faces are
    given back worst comes first; what is missing is what the review of the face sets finds. Reads a few
    hundred pictures.
    """
    people = [
        replace(run_to_completion(measure_person(faces)), name=name) for name, faces in sets.items()
    ]
    missing = {person.name: _missing(person, people) for person in people}
    worst = min(redrawn, key=lambda name: redrawn[name], default="")
    best = max(redrawn, key=lambda name: redrawn[name], default="")
    if worst and redrawn[best] - redrawn[worst] >= _UNLIKE:
        why = f" (its held-out faces are given back with an SSIM of {redrawn[worst]:.2f}, {best}'s {redrawn[best]:.2f})"
        return f"more footage of {worst} will{why}{_actions(missing[worst])}"
    found = [(finding, name) for name, findings in missing.items() for finding in findings]
    if not found:
        return "the face sets lack nothing that can be told: a larger network may"
    gravest = gravest_first([finding for finding, _ in found])[0]
    name = next(name for finding, name in found if finding is gravest)
    return f"more footage of {name} will{_actions(missing[name])}"


def _missing(person: Person, people: Sequence[Person]) -> list[Finding]:
    """What the review finds of a person, and of what the others do that the person does not, the gravest first."""
    directions = [one for one in list_directions(people, None) if one.guest is person]
    found = [
        *(finding for find in OF_PERSON if (finding := find(person))),
        *(
            finding
            for direction in directions
            for find in OF_DIRECTION
            if (finding := find(direction))
        ),
    ]
    return [finding for finding in gravest_first(found) if finding.severity is not Severity.note]


def _actions(findings: Sequence[Finding]) -> str:
    said = list(dict.fromkeys(finding.action.rstrip(".") for finding in findings))[:_SAID]
    return "".join(f". {action}" for action in said)
