"""Run all checks, judge all swap directions, and give only advice that helps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import TypeVar

from faceloom.faceset.face_count import ENOUGH_DIFFERENT_FACES
from faceloom.review.commands import default_preset, train_command
from faceloom.review.coverage_findings import DIRECTION_CHECKS, TARGET_CHECKS, few_target_faces
from faceloom.review.faceset_findings import (
    FACESET_CHECKS,
    PAIR_CHECKS,
    other_people,
)
from faceloom.review.finding import ReviewFinding, Severity, sort_by_severity
from faceloom.review.removals import after_removal
from faceloom.review.statistics import FaceSetStatistics, SwapDirection, TargetStatistics
from faceloom.review.verdict import COVERED_READY, Readiness, Verdict, judge_readiness

_Subject = TypeVar("_Subject")
_People = Sequence[FaceSetStatistics]

# Share of the target's head poses by which the coverage may fall, for chance.
_COVERAGE_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Judgment:
    """The findings and the verdicts of a review."""

    findings: tuple[ReviewFinding, ...]
    """The findings, the worst first."""
    verdicts: tuple[Verdict, ...]
    """One per swap direction, in the order of `list_directions`."""


def judge(people: _People, target: TargetStatistics | None) -> Judgment:
    """Run all checks and judge all directions; measures nothing.

    A command is advised only if the verdicts are not worse without the faces that it removes.

    Args:
        people: Statistics of the face sets.
        target: Statistics of the target, if there is one.
    """
    before = _judge(people, target)
    findings = [_followable(finding, before, people, target) for finding in before.findings]
    return _with_verdicts(people, target, findings)


def list_directions(people: _People, target: TargetStatistics | None) -> list[SwapDirection]:
    """List the swaps to judge.

    A person's face on the same person is left out, unless there is nothing else to judge.

    Args:
        people: The face sets.
        target: The target, if there is one.

    Returns:
        Every face set on every person of the target; without a target, every face set on every
        other one.
    """
    if target:
        pairs = [(source, person) for person in target.people for source in people]
        others = [(source, person) for source, person in pairs if source.name != person.matches]
        unit = "frames" if len(target.people) == 1 else "frames that show them"
        return [
            SwapDirection(source, person.table, person.name, unit)
            for source, person in others or pairs
        ]
    sets = [(source, other) for source in people for other in people if source is not other]
    return [SwapDirection(source, other.table, other.name, "faces") for source, other in sets]


def next_step(
    verdicts: Sequence[Verdict], people: _People, choose_preset: Callable[[], str] = default_preset
) -> str:
    """Return what to do after the review, as one line.

    Args:
        verdicts: The verdicts.
        people: The face sets.
        choose_preset: Returns the preset to train with.
    """
    if not verdicts:
        return "Go on: review this face set together with the other person's."
    if all(verdict.readiness is Readiness.NOT_READY for verdict in verdicts):
        nearest = max(verdicts, key=lambda verdict: verdict.covered)
        if nearest.command:
            return f"Do this first: {nearest.command}"
        return f"Film this first: {nearest.next_action}"
    if len(people) < 2:
        return "Go on: extract a face set of the person in the target, then train with both."
    return f"Go on: {train_command(people, choose_preset())}"


def _judge(people: _People, target: TargetStatistics | None) -> Judgment:
    directions = list_directions(people, target)
    sources = {direction.source.name for direction in directions} or {p.name for p in people}
    findings = _check(TARGET_CHECKS, target, target.name) if target else []
    for first, second in combinations(people, 2):
        findings += _check(PAIR_CHECKS, (first, second), f"{first.name} and {second.name}")
    for person in people:
        if target and person.name not in sources:
            # Its face is replaced: what it lacks does not show in the swap.
            few_faces = partial(few_target_faces, target=target.name)
            findings += _check((other_people, few_faces), person, person.name)
        else:
            findings += _check(FACESET_CHECKS, person, person.name)
    for direction in directions:
        findings += _check(DIRECTION_CHECKS, direction, direction.text)
    return _with_verdicts(people, target, findings)


def _with_verdicts(
    people: _People, target: TargetStatistics | None, findings: Sequence[ReviewFinding]
) -> Judgment:
    ordered = sort_by_severity(list(findings))
    pairs = {f"{first.name} and {second.name}" for first, second in combinations(people, 2)}
    verdicts = []
    for direction in list_directions(people, target):
        subjects = {direction.text, direction.source.name, *pairs}
        concerning = [finding for finding in ordered if finding.subject in subjects]
        verdicts.append(judge_readiness(direction, concerning))
    return Judgment(tuple(ordered), tuple(verdicts))


def _followable(
    finding: ReviewFinding, before: Judgment, people: _People, target: TargetStatistics | None
) -> ReviewFinding:
    """Return the finding, without its command if that would make things worse."""
    person = next((person for person in people if person.name == finding.subject), None)
    if person is None or not finding.command:
        return finding
    smaller = after_removal(person, finding)
    if smaller is not None:
        if finding.severity is Severity.CRITICAL:
            # Faces of other people spoil the identity, whatever they seem to cover.
            return finding
        after = _judge([smaller if each is person else each for each in people], target)
        if len(smaller) >= ENOUGH_DIFFERENT_FACES and not _is_worse(after, before):
            return finding
    return replace(finding, action=finding.alternative, command="")


def _is_worse(after: Judgment, before: Judgment) -> bool:
    ranks = list(Readiness)
    for new, old in zip(after.verdicts, before.verdicts, strict=True):
        if ranks.index(new.readiness) > ranks.index(old.readiness):
            return True
        if new.covered < min(old.covered, COVERED_READY) - _COVERAGE_TOLERANCE:
            return True
    return bool(_problems(after) - _problems(before))


def _problems(judgment: Judgment) -> set[tuple[str, str]]:
    return {
        (finding.subject, finding.name)
        for finding in judgment.findings
        if finding.severity is not Severity.NOTE
    }


def _check(
    checks: Sequence[Callable[[_Subject], ReviewFinding | None]], subject: _Subject, name: str
) -> list[ReviewFinding]:
    return [replace(finding, subject=name) for check in checks if (finding := check(subject))]
