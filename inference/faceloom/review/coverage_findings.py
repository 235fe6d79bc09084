"""Findings about a swap direction (what the source lacks for the target) and about a target."""

from collections.abc import Callable
from functools import partial

import numpy as np

from faceloom.faceset.face_count import ENOUGH_DIFFERENT_FACES
from faceloom.review.commands import add_command
from faceloom.review.coverage import REGIONS, find_coverage_gap
from faceloom.review.finding import ReviewFinding, Severity, format_percent
from faceloom.review.statistics import FaceSetStatistics, SwapDirection, TargetStatistics

# Target faces that a pose gap needs; fewer are chance.
_LEAST_GAP_FACES = 3
# Share of the target's faces that a pose gap needs.
_LEAST_GAP = 0.02
# Share of the target's faces from which a pose gap is critical.
_CRITICAL_GAP = 0.1
# Percentile of the source's mouth openings that counts as the widest.
_WIDEST_PERCENTILE = 98
# Mouth opening beyond the source's widest, in eye widths, that counts as wider.
_WIDER = 0.1
# Share of the target's faces that a mouth gap needs.
_LEAST_MOUTH_GAP = 0.03
# Share of the target's faces with closed eyes that a blink gap needs.
_LEAST_BLINKS = 0.01
# Closed eyes of the source that show it blinking; of 100 rendered faces with open eyes 2 count as
# closed, since they look down or squint.
_FEW_CLOSED = 3
# The same, as a part of the target's share.
_FEW_CLOSED_SHARE = 0.1
# Difference of the lighting gradient within which two faces are lit alike.
_LIT_ALIKE = 0.15
# Share of the source's faces that must be lit alike.
_LEAST_LIT_ALIKE = 0.01
# Share of the target's faces that a lighting gap needs.
_LEAST_LIGHTING_GAP = 0.1
# Size of the source's faces relative to the target's, below which the swap looks soft.
_SOFT = 0.6
# Share of the target's frames with several faces that is worth noting.
_SEVERAL_FACES = 0.02
# Share of the target's frames without a face that is worth noting.
_WITHOUT_FACE = 0.05
# Share of the target's frames with something before the face that is worth noting, and from which
# it is a warning.
_OCCLUDED_FRAMES = 0.01
_MANY_OCCLUDED_FRAMES = 0.1

_WHICH_FACE = (
    "Conversion replaces the largest face of each frame; with --reference PICTURE it replaces that "
    "person's, and with --select all every face."
)


def pose_gap(direction: SwapDirection, region: str) -> ReviewFinding | None:
    """Find head poses of the target that the source has hardly a face for.

    Args:
        direction: The swap.
        region: A key of REGIONS.
    """
    gap = find_coverage_gap(direction, region)
    if not gap or gap.share < _LEAST_GAP or gap.target_faces < _LEAST_GAP_FACES:
        return None
    pose = REGIONS[region].format(angle=gap.angle, center=gap.center)
    name, count = direction.source.name, gap.source_faces
    has = "no face" if not count else f"{count} face{'s'[: count != 1]}"
    return ReviewFinding(
        f"pose gap {region}",
        Severity.CRITICAL if gap.share >= _CRITICAL_GAP else Severity.WARNING,
        f"{direction.target_name} {pose} in {format_percent(gap.share)} of the {direction.unit}; "
        f"{name} has {has} there.",
        f"Add footage in which {name} {pose}.",
        gap.share,
        {"share": gap.share, "degrees": gap.angle, "faces": gap.source_faces},
    )


def mouth_gap(direction: SwapDirection) -> ReviewFinding | None:
    """Find a mouth that the target opens wider than the source ever does.

    Args:
        direction: The swap.
    """
    source = direction.source
    widest = float(np.percentile(source.table.mouth_open, _WIDEST_PERCENTILE))
    share = float((direction.target.mouth_open > widest + _WIDER).mean())
    if share < _LEAST_MOUTH_GAP:
        return None
    return ReviewFinding(
        "mouth gap",
        Severity.WARNING,
        f"{direction.target_name} opens the mouth wider in {format_percent(share)} of the "
        f"{direction.unit} than {source.name} ever does.",
        f"Add footage in which {source.name} laughs or speaks loudly.",
        share,
        {"share": share, "widest": widest},
    )


def blink_gap(direction: SwapDirection) -> ReviewFinding | None:
    """Find a target that blinks while the source does not.

    Args:
        direction: The swap.
    """
    source = direction.source
    share = float(direction.target.has_closed_eyes().mean())
    closed = int(source.table.has_closed_eyes().sum())
    enough = max(_FEW_CLOSED, _FEW_CLOSED_SHARE * share * len(source))
    if share < _LEAST_BLINKS or closed >= enough:
        return None
    more = f", or extract with --every {source.every // 2}" if source.more_frames_help else ""
    return ReviewFinding(
        "blink gap",
        Severity.WARNING,
        f"{direction.target_name} has closed eyes in {format_percent(share)} of the "
        f"{direction.unit}; {source.name} in {closed} faces.",
        f"Add footage in which {source.name} blinks{more}.",
        share,
        {"share": share, "faces": closed},
    )


def lighting_gap(direction: SwapDirection) -> ReviewFinding | None:
    """Find a target that is lit from where the source never is.

    Args:
        direction: The swap.
    """
    source, target = direction.source, direction.target
    alike = np.abs(target.gradient_x[:, None] - source.table.gradient_x[None]) < _LIT_ALIKE
    unlike = alike.mean(1) < _LEAST_LIT_ALIKE
    share = float(unlike.mean())
    if share < _LEAST_LIGHTING_GAP:
        return None
    usual = np.median(source.table.gradient_x)
    side = "right" if np.median(target.gradient_x[unlike]) > usual else "left"
    return ReviewFinding(
        "lighting gap",
        Severity.WARNING,
        f"{direction.target_name} is lit more from the {side} in {format_percent(share)} of the "
        f"{direction.unit} than {source.name} ever is.",
        f"Add footage of {source.name} lit more from the {side}.",
        share,
        {"share": share},
    )


def low_resolution(direction: SwapDirection) -> ReviewFinding | None:
    """Find a source with far fewer pixels per face than the target.

    Args:
        direction: The swap.
    """
    source = float(np.median(direction.source.table.size))
    target = float(np.median(direction.target.size))
    if source >= _SOFT * target:
        return None
    name = direction.source.name
    return ReviewFinding(
        "low resolution",
        Severity.WARNING,
        f"The face of {direction.target_name} has {target:.0f} pixels and {name}'s {source:.0f}: "
        "the swap will look soft.",
        f"Add closer footage of {name}.",
        1 - source / target,
        {"source": source, "target": target},
    )


def several_people(target: TargetStatistics) -> ReviewFinding | None:
    """Find more than one person in the target.

    Args:
        target: The target.
    """
    if len(target.people) < 2:
        return None
    shares = ", ".join(
        f"{person.label} in {format_percent(len(person.table) / target.frames)}"
        for person in target.people
    )
    share = target.frames_with_several_faces / target.frames
    return ReviewFinding(
        "several people",
        Severity.NOTE,
        f"{target.name} shows {len(target.people)} people ({shares} of the frames), "
        f"more than one at once in {format_percent(share)}.",
        _WHICH_FACE,
        max(share, 0.01),
        {"people": len(target.people), "share": share},
    )


def several_faces(target: TargetStatistics) -> ReviewFinding | None:
    """Find frames with several faces, of which only one person's are frequent enough to judge.

    Args:
        target: The target.
    """
    share = target.frames_with_several_faces / target.frames
    if share < _SEVERAL_FACES or len(target.people) > 1:
        return None
    return ReviewFinding(
        "several faces",
        Severity.NOTE,
        f"{target.name} shows more than one face in {format_percent(share)} of the frames.",
        _WHICH_FACE,
        share,
        {"share": share},
    )


def frames_without_face(target: TargetStatistics) -> ReviewFinding | None:
    """Find many frames in which no face is found.

    Args:
        target: The target.
    """
    share = target.frames_without_face / target.frames
    if share < _WITHOUT_FACE:
        return None
    return ReviewFinding(
        "frames without a face",
        Severity.NOTE,
        f"No face is found in {format_percent(share)} of the frames of {target.name}.",
        "Those frames stay unchanged; check that only turned or hidden heads are missed.",
        share,
        {"share": share},
    )


def occluded_frames(target: TargetStatistics) -> ReviewFinding | None:
    """Find frames in which something stands before a face.

    Args:
        target: The target.
    """
    with_face = target.frames - target.frames_without_face
    share = target.occlusion.frames / max(with_face, 1)
    if share < _OCCLUDED_FRAMES:
        return None
    return ReviewFinding(
        "something before the face",
        Severity.WARNING if share >= _MANY_OCCLUDED_FRAMES else Severity.NOTE,
        target.occlusion.to_text(with_face),
        "It stays in front with --mask regions; look at these moments in the result, or leave them "
        "out with --range.",
        share,
        {"share": share, "frames": target.occlusion.frames},
    )


def few_target_faces(person: FaceSetStatistics, target: str) -> ReviewFinding | None:
    """Find too few faces of the person in the target, of which the target itself has more.

    Args:
        person: The face set of the person in the target.
        target: File name of the target.
    """
    different = int((~person.duplicate).sum())
    if different >= ENOUGH_DIFFERENT_FACES or any(file.name == target for file in person.files):
        return None
    return ReviewFinding(
        "few target faces",
        Severity.NOTE,
        f"{person.name}, whose face is replaced, has only {different} different faces.",
        f"Add the target itself: {add_command(person, target)}.",
        1 - different / ENOUGH_DIFFERENT_FACES,
        {"different": different, "faces": len(person)},
    )


# Functions that return a finding, or None where there is no problem.
DIRECTION_CHECKS: tuple[Callable[[SwapDirection], ReviewFinding | None], ...] = (
    *(partial(pose_gap, region=region) for region in REGIONS),
    mouth_gap,
    blink_gap,
    lighting_gap,
    low_resolution,
)
TARGET_CHECKS: tuple[Callable[[TargetStatistics], ReviewFinding | None], ...] = (
    several_people,
    several_faces,
    frames_without_face,
    occluded_frames,
)
