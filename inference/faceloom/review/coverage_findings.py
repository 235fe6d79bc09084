"""What a host does that the guest has no faces for, and what is hard about a target."""

from collections.abc import Callable
from functools import partial

import numpy as np

from faceloom.review.coverage import REGIONS, find_coverage_gap
from faceloom.review.finding import ReviewFinding, Severity, format_percent
from faceloom.review.statistics import SwapDirection, TargetStatistics

# A pose that the host has in fewer faces than this is chance.
_FEW_FRAMES = 3
_LIGHT_NEAR = 0.15
# Of 1,914 faces with open eyes 5 count as shut: fewer than 3, or a tenth of the host's share, is no blink learned.
_FEW_SHUT, _FEW_SHUT_SHARE = 3, 0.1
_WHO_IS_EXCHANGED = (
    "Conversion exchanges the largest face of each frame, whoever it is, and with --select all every face; "
    "cut the clip where neither is wanted."
)


def pose_gap(direction: SwapDirection, region: str) -> ReviewFinding | None:
    """The host turns to where the guest has hardly a face."""
    gap = find_coverage_gap(direction, region)
    if not gap or gap.share < 0.02 or gap.target_faces < _FEW_FRAMES:
        return None
    way = REGIONS[region].format(angle=gap.angle, center=gap.center)
    name = direction.source.name
    have = (
        "no face"
        if not gap.source_faces
        else f"{gap.source_faces} face{'s'[: gap.source_faces != 1]}"
    )
    return ReviewFinding(
        f"pose gap {region}", Severity.CRITICAL if gap.share >= 0.1 else Severity.WARNING,
        f"{direction.target_name} {way} in {format_percent(gap.share)} of the {direction.unit}; {name} has {have} there.",
        f"Add footage in which {name} {way}.",
        gap.share, {"share": gap.share, "degrees": gap.angle, "faces": gap.source_faces},
    )  # fmt: skip


def mouth_gap(direction: SwapDirection) -> ReviewFinding | None:
    """The host opens the mouth wider than the guest ever does."""
    widest = float(np.percentile(direction.source.table.mouth_open, 98))
    share = float((direction.target.mouth_open > widest + 0.1).mean())
    if share < 0.03:
        return None
    name = direction.source.name
    return ReviewFinding(
        "mouth gap", Severity.WARNING,
        f"{direction.target_name} opens the mouth wider in {format_percent(share)} of the {direction.unit} "
        f"than {name} ever does.",
        f"Add footage in which {name} laughs or speaks up.", share, {"share": share, "widest": widest},
    )  # fmt: skip


def blink_gap(direction: SwapDirection) -> ReviewFinding | None:
    """The host blinks and the guest does not."""
    share = float(direction.target.has_closed_eyes().mean())
    shut = int(direction.source.table.has_closed_eyes().sum())
    if share < 0.01 or shut >= max(_FEW_SHUT, _FEW_SHUT_SHARE * share * len(direction.source)):
        return None
    name = direction.source.name
    return ReviewFinding(
        "blink gap", Severity.WARNING,
        f"{direction.target_name} has the eyes shut in {format_percent(share)} of the {direction.unit}; "
        f"{name} in {shut} faces.",
        f"Add footage in which {name} blinks, or extract with a smaller --every.",
        share, {"share": share, "faces": shut},
    )  # fmt: skip


def light_gap(direction: SwapDirection) -> ReviewFinding | None:
    """The host is lit as no face of the guest is."""
    near = (
        np.abs(direction.target.gradient_x[:, None] - direction.source.table.gradient_x[None])
        < _LIGHT_NEAR
    )
    unlike = near.mean(1) < 0.01
    share = float(unlike.mean())
    if share < 0.1:
        return None
    side = (
        "right"
        if np.median(direction.target.gradient_x[unlike])
        > np.median(direction.source.table.gradient_x)
        else "left"
    )
    name = direction.source.name
    return ReviewFinding(
        "light gap", Severity.WARNING,
        f"{direction.target_name} is lit more from the {side} in {format_percent(share)} of the {direction.unit} "
        f"than {name} ever is.",
        f"Add footage of {name} lit more from the {side}.", share, {"share": share},
    )  # fmt: skip


def softer_guest(direction: SwapDirection) -> ReviewFinding | None:
    """The guest's faces have far fewer pixels than the host's."""
    guest, host = (
        float(np.median(direction.source.table.size)),
        float(np.median(direction.target.size)),
    )
    if guest >= 0.6 * host:
        return None
    name = direction.source.name
    return ReviewFinding(
        "softer source", Severity.WARNING,
        f"The face of {direction.target_name} has {host:.0f} pixels and {name}'s {guest:.0f}: the swap will look soft.",
        f"Add closer footage of {name}.", 1 - guest / host, {"guest": guest, "host": host},
    )  # fmt: skip


def several_people(target: TargetStatistics) -> ReviewFinding | None:
    """More than one person in the target, at once or in turn."""
    if len(target.people) < 2:
        return None
    seen = ", ".join(
        f"{person.label} in {format_percent(len(person.table) / target.frames)}"
        for person in target.people
    )
    share = target.frames_with_several_faces / target.frames
    return ReviewFinding(
        "several people", Severity.NOTE,
        f"{target.name} shows {len(target.people)} people ({seen} of the frames), "
        f"more than one at once in {format_percent(share)}.",
        _WHO_IS_EXCHANGED, max(share, 0.01), {"people": len(target.people), "share": share},
    )  # fmt: skip


def several_faces(target: TargetStatistics) -> ReviewFinding | None:
    """More faces than one, of which all but one are seen too rarely to be judged."""
    share = target.frames_with_several_faces / target.frames
    if share < 0.02 or len(target.people) > 1:
        return None
    return ReviewFinding(
        "several faces", Severity.NOTE, f"{target.name} shows more than one face in {format_percent(share)} of the frames.",
        _WHO_IS_EXCHANGED, share, {"share": share},
    )  # fmt: skip


def no_face(target: TargetStatistics) -> ReviewFinding | None:
    """No face found in many frames of the target."""
    share = target.frames_without_face / target.frames
    if share < 0.05:
        return None
    return ReviewFinding(
        "no face", Severity.NOTE, f"{target.name} shows no detectable face in {format_percent(share)} of the frames.",
        "Those frames stay as they are; check that nothing but turned or hidden heads is missed.",
        share, {"share": share},
    )  # fmt: skip


DIRECTION_CHECKS: tuple[Callable[[SwapDirection], ReviewFinding | None], ...] = (
    *(partial(pose_gap, region=region) for region in REGIONS), mouth_gap, blink_gap, light_gap, softer_guest,
)  # fmt: skip
TARGET_CHECKS: tuple[Callable[[TargetStatistics], ReviewFinding | None], ...] = (
    several_people,
    several_faces,
    no_face,
)
