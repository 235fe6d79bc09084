"""What is wrong with footage, in plain words: small functions from statistics to a finding or None, in tables."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

import numpy as np

from faceloom.arrays import float32
from faceloom.colours import to_lab
from faceloom.faces.identify import SAME_PERSON
from faceloom.review.coverage import REGIONS, find_gap
from faceloom.review.statistics import Direction, Person, Target

# Different faces below which a person is too little known; the demo's sample has about a hundred.
_FEW = 80
# One colour fills at least this share of a background that counts as flat: a studio's wall measures 0.63 to 0.81.
_FLAT = 0.6
# Two walls of hues nearer than this (in a* and b*) are one.
_ONE_WALL = 12.0
# Chroma from which a background has a colour that would be seen in skin.
_COLOURFUL = 15.0
_BLURRED = 0.2
_SMALL = 80
_DARK, _BRIGHT, _CLIPPED = 0.15, 0.85, 0.1
# Difference across a face, as a share of its lightness, from which it is lit from a side.
_SIDE_LIT = 0.12
# A pose that the host has in fewer faces than this is chance.
_FEW_FRAMES = 3
_LIGHT_NEAR = 0.15


class Severity(StrEnum):
    """grave: the swap will fail there. warning: it will be worse. note: worth knowing."""

    grave = "grave"
    warning = "warning"
    note = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """weight: the share of faces or frames concerned, which orders findings of one severity."""

    name: str
    severity: Severity
    text: str
    action: str
    weight: float
    figures: Mapping[str, float] = field(default_factory=dict)


def few_faces(person: Person) -> Finding | None:
    """Too few faces that differ."""
    different = int((~person.duplicate).sum())
    if different >= _FEW:
        return None
    return Finding(
        "few faces", Severity.grave if different < _FEW / 4 else Severity.warning,
        f"{person.name} has only {different} different faces.",
        f"Add footage of {person.name}, or extract with a smaller --every.",
        1 - different / _FEW, {"different": different, "faces": len(person)},
    )  # fmt: skip


def few_sources(person: Person) -> Finding | None:
    """Most faces from one or two of many files."""
    two = sum(share.faces for share in person.sources[:2])
    if len(person.sources) < 4 or two < 0.75 * len(person):
        return None
    share = two / len(person)
    return Finding(
        "few sources", Severity.warning,
        f"{_percent(share)} of {person.name}'s faces come from 2 of {len(person.sources)} files.",
        f"Their lights and moods will rule the face: add footage like the other {len(person.sources) - 2} files, "
        "or extract the two with a larger --every.",
        share, {"share": share, "files": len(person.sources)},
    )  # fmt: skip


def strangers(person: Person) -> Finding | None:
    """Faces unlike the set's own centre."""
    count = int((person.similarity < SAME_PERSON).sum())
    if not count:
        return None
    return Finding(
        "strangers", Severity.grave,
        f"{count} of {person.name}'s {len(person)} faces look like another person.",
        f"Look at the most doubtful ones below; faceloom curate {_typed(person)} --keep-identity --apply.",
        count / len(person), {"faces": count},
    )  # fmt: skip


def flat_background(person: Person) -> Finding | None:
    """One flat, coloured background behind many faces."""
    flat = person.background_uniform >= _FLAT
    if not flat.any():
        return None
    # A few hundred stand for all: each is held against each.
    colours = person.background_rgb[flat][:: -(-int(flat.sum()) // 300)]
    lab = to_lab(np.asarray(colours[None], np.uint8))[0]
    alike = (np.linalg.norm(lab[:, None, 1:] - lab[None, :, 1:], axis=-1) < _ONE_WALL).mean(1)
    middle, share = lab[int(alike.argmax())], float(alike.max() * flat.mean())
    if share < 0.2 or np.hypot(*middle[1:]) < _COLOURFUL:
        return None
    return Finding(
        "flat background", Severity.warning,
        f"{_percent(share)} of {person.name}'s crops have one flat {_colour_name(middle)} background: "
        "it will leak into the skin unless masked.",
        "Train with hide_background on (every preset but original_64 has it), or add footage before other walls.",
        share, {"share": share},
    )  # fmt: skip


def one_light(person: Person) -> Finding | None:
    """Lit from the same side in nearly all faces."""
    across = person.table.across
    right, left = float((across > _SIDE_LIT).mean()), float((across < -_SIDE_LIT).mean())
    share = max(left, right)
    if share < 0.85:
        return None
    side, other = ("left", "right") if left > right else ("right", "left")
    return Finding(
        "one light", Severity.warning,
        f"{person.name} is lit from the {side} only, in {_percent(share)} of the faces.",
        f"Add footage of {person.name} with light from the front or the {other}.",
        share, {"share": share, "across": float(np.median(across))},
    )  # fmt: skip


def near_duplicates(person: Person) -> Finding | None:
    """Many faces that look like another one of the set."""
    count = int(person.duplicate.sum())
    share = count / len(person)
    if share < 0.2:
        return None
    return Finding(
        "near-duplicates", Severity.note,
        f"{count} of {person.name}'s {len(person)} faces are near-duplicates.",
        f"They teach nothing new: faceloom curate {_typed(person)} --dedupe --apply.",
        share, {"faces": count, "share": share},
    )  # fmt: skip


def blurred(person: Person) -> Finding | None:
    """Many blurred faces."""
    share = float((person.table.sharpness < _BLURRED).mean())
    if share < 0.1:
        return None
    return Finding(
        "blurred", Severity.warning, f"{_percent(share)} of {person.name}'s faces are blurred.",
        f'faceloom curate {_typed(person)} --drop "sharpness<{_BLURRED}" --apply.',
        share, {"share": share},
    )  # fmt: skip


def small(person: Person) -> Finding | None:
    """Many faces of few pixels."""
    share = float((person.table.size < _SMALL).mean())
    if share < 0.25:
        return None
    return Finding(
        "small", Severity.warning,
        f"{_percent(share)} of {person.name}'s faces are smaller than {_SMALL} pixels.",
        f"Add closer footage; with enough of it, faceloom curate {_typed(person)} "
        f'--drop "size<{_SMALL}" --apply.',
        share, {"share": share, "median": float(np.median(person.table.size))},
    )  # fmt: skip


def badly_exposed(person: Person) -> Finding | None:
    """Many faces too dark, too bright or cut off at white."""
    table = person.table
    bad = (table.exposure < _DARK) | (table.exposure > _BRIGHT) | (table.clipped > _CLIPPED)
    share = float(bad.mean())
    if share < 0.15:
        return None
    return Finding(
        "badly exposed", Severity.warning,
        f"{_percent(share)} of {person.name}'s faces are too dark, too bright or burnt out.",
        f"Add evenly lit footage, or faceloom curate {_typed(person)} "
        f'--drop "exposure<{_DARK}" --drop "clipped>{_CLIPPED}" --apply.',
        share, {"share": share},
    )  # fmt: skip


def still_mouth(person: Person) -> Finding | None:
    """The mouth never opens."""
    widest = float(np.percentile(person.table.mouth_open, 98))
    if widest >= 0.2:
        return None
    return Finding(
        "still mouth", Severity.warning, f"{person.name} hardly ever opens the mouth.",
        f"Add footage in which {person.name} speaks: the swap can only show a mouth that it has seen.",
        1 - widest, {"widest": widest},
    )  # fmt: skip


def stiff_head(person: Person) -> Finding | None:
    """The head never turns."""
    span = float(np.ptp(np.percentile(person.table.yaw, [3, 97])))
    if span >= 25:
        return None
    return Finding(
        "stiff head", Severity.warning, f"{person.name}'s head turns through {span:.0f} degrees only.",
        f"Add footage in which {person.name} looks to both sides.", 1 - span / 25, {"degrees": span},
    )  # fmt: skip


def pose_gap(direction: Direction, region: str) -> Finding | None:
    """The host turns to where the guest has hardly a face."""
    gap = find_gap(direction, region)
    if not gap or gap.share < 0.02 or gap.needed < _FEW_FRAMES:
        return None
    way = REGIONS[region].format(angle=gap.angle, where=gap.where)
    name = direction.guest.name
    have = "no face" if not gap.faces else f"{gap.faces} face{'s'[: gap.faces != 1]}"
    return Finding(
        f"pose gap {region}", Severity.grave if gap.share >= 0.1 else Severity.warning,
        f"{direction.host_name} {way} in {_percent(gap.share)} of the {direction.unit}; {name} has {have} there.",
        f"Add footage in which {name} {way}.",
        gap.share, {"share": gap.share, "degrees": gap.angle, "faces": gap.faces},
    )  # fmt: skip


def mouth_gap(direction: Direction) -> Finding | None:
    """The host opens the mouth wider than the guest ever does."""
    widest = float(np.percentile(direction.guest.table.mouth_open, 98))
    share = float((direction.host.mouth_open > widest + 0.1).mean())
    if share < 0.03:
        return None
    name = direction.guest.name
    return Finding(
        "mouth gap", Severity.warning,
        f"{direction.host_name} opens the mouth wider in {_percent(share)} of the {direction.unit} "
        f"than {name} ever does.",
        f"Add footage in which {name} laughs or speaks up.", share, {"share": share, "widest": widest},
    )  # fmt: skip


def blink_gap(direction: Direction) -> Finding | None:
    """The host blinks and the guest does not."""
    share = float(direction.host.shut().mean())
    shut = int(direction.guest.table.shut().sum())
    if share < 0.01 or shut >= 3:
        return None
    name = direction.guest.name
    return Finding(
        "blink gap", Severity.warning,
        f"{direction.host_name} has the eyes shut in {_percent(share)} of the {direction.unit}; "
        f"{name} in {shut} faces.",
        f"Add footage in which {name} blinks, or extract with a smaller --every.",
        share, {"share": share, "faces": shut},
    )  # fmt: skip


def light_gap(direction: Direction) -> Finding | None:
    """The host is lit as no face of the guest is."""
    near = np.abs(direction.host.across[:, None] - direction.guest.table.across[None]) < _LIGHT_NEAR
    unlike = near.mean(1) < 0.01
    share = float(unlike.mean())
    if share < 0.1:
        return None
    side = "right" if np.median(direction.host.across[unlike]) > np.median(direction.guest.table.across) else "left"
    name = direction.guest.name
    return Finding(
        "light gap", Severity.warning,
        f"{direction.host_name} is lit more from the {side} in {_percent(share)} of the {direction.unit} "
        f"than {name} ever is.",
        f"Add footage of {name} with light from the {side}.", share, {"share": share},
    )  # fmt: skip


def softer_guest(direction: Direction) -> Finding | None:
    """The guest's faces have far fewer pixels than the host's."""
    guest, host = float(np.median(direction.guest.table.size)), float(np.median(direction.host.size))
    if guest >= 0.6 * host:
        return None
    name = direction.guest.name
    return Finding(
        "softer guest", Severity.warning,
        f"{direction.host_name}'s face is {host:.0f} pixels and {name}'s {guest:.0f}: the swap will look soft.",
        f"Add closer footage of {name}.", 1 - guest / host, {"guest": guest, "host": host},
    )  # fmt: skip


def crowded(target: Target) -> Finding | None:
    """More than one face in the target."""
    share = target.crowded / target.frames
    if share < 0.02:
        return None
    return Finding(
        "crowded", Severity.note, f"{target.name} shows more than one face in {_percent(share)} of the frames.",
        "Only the largest is exchanged unless you convert with --select all.", share, {"share": share},
    )  # fmt: skip


def faceless(target: Target) -> Finding | None:
    """No face found in many frames of the target."""
    share = 1 - len(target.table) / target.frames
    if share < 0.05:
        return None
    return Finding(
        "faceless", Severity.note, f"{target.name} shows no face that is found in {_percent(share)} of the frames.",
        "Those frames stay as they are; check that nothing but turned or hidden heads is missed.",
        share, {"share": share},
    )  # fmt: skip


def one_person_twice(people: tuple[Person, Person]) -> Finding | None:
    """Two sets of the same person."""
    first, second = people
    likeness = float(first.centre @ second.centre)
    if likeness < SAME_PERSON:
        return None
    return Finding(
        "one person twice", Severity.grave,
        f"{first.name} and {second.name} look like one person (likeness {likeness:.2f}).",
        "Check that each face set holds the right person.", likeness, {"likeness": likeness},
    )  # fmt: skip


OF_PERSON: tuple[Callable[[Person], Finding | None], ...] = (
    few_faces, few_sources, strangers, flat_background, one_light, near_duplicates,
    blurred, small, badly_exposed, still_mouth, stiff_head,
)  # fmt: skip
OF_DIRECTION: tuple[Callable[[Direction], Finding | None], ...] = (
    *(partial(pose_gap, region=region) for region in REGIONS), mouth_gap, blink_gap, light_gap, softer_guest,
)  # fmt: skip
OF_TARGET: tuple[Callable[[Target], Finding | None], ...] = (crowded, faceless)
OF_TWO: tuple[Callable[[tuple[Person, Person]], Finding | None], ...] = (one_person_twice,)


def gravest_first(findings: list[Finding]) -> list[Finding]:
    """Sort by severity, then by how much is concerned."""
    order = list(Severity)
    return sorted(findings, key=lambda finding: (order.index(finding.severity), -finding.weight))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _typed(person: Person) -> str:
    """The set's folder as a shell wants it."""
    return shlex.quote(str(person.faces.directory))


def _colour_name(lab: np.ndarray) -> str:
    """Name a colour by its hue angle in Lab."""
    names = ("red", "orange", "yellow", "green", "green", "turquoise", "blue", "blue", "violet", "pink")
    angle = float(np.degrees(np.arctan2(*float32(lab)[[2, 1]]))) % 360
    starts = (0, 45, 75, 105, 140, 175, 215, 265, 305, 330)
    return names[int(np.searchsorted(starts, angle, side="right")) - 1]
