"""What is wrong with a face set, in plain words: small functions from statistics to a finding or None, in tables."""

import shlex
from collections.abc import Callable

import numpy as np

from faceloom.array_types import float32
from faceloom.color import to_lab
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY
from faceloom.review.finding import ReviewFinding, Severity, format_percent
from faceloom.review.statistics import BLURRED, FaceSetStatistics

# Different faces below which a person is too little known; the demo's sample has about a hundred.
_FEW = 80
# One color fills at least this share of a background that counts as flat: a studio's wall measures 0.63 to 0.81.
_FLAT = 0.6
# Two walls of hues nearer than this (in a* and b*) are one.
_ONE_WALL = 12.0
# Chroma from which a background has a color that would be seen in skin.
_COLORFUL = 15.0
_SMALL = 80
_DARK, _BRIGHT, _CLIPPED = 0.15, 0.85, 0.1
# Difference across a face, as a share of its lightness, from which it is lit from a side.
_SIDE_LIT = 0.12
# From this share on one file is all there is to a set, and below it two may be.
_ONE_FILE, _TWO_FILES = 0.9, 0.75


def few_faces(person: FaceSetStatistics) -> ReviewFinding | None:
    """Too few faces that differ."""
    different = int((~person.duplicate).sum())
    if different >= _FEW:
        return None
    return ReviewFinding(
        "few faces", Severity.CRITICAL if different < _FEW / 4 else Severity.WARNING,
        f"{person.name} has only {different} different faces.",
        f"Add footage of {person.name}, or extract with a smaller --every.",
        1 - different / _FEW, {"different": different, "faces": len(person)},
    )  # fmt: skip


def one_source(person: FaceSetStatistics) -> ReviewFinding | None:
    """All faces, or nearly all, from one file."""
    first, files = person.files[0], len(person.files)
    share = first.faces / len(person)
    if share < _ONE_FILE:
        return None
    many, of = (
        ("All", "one file") if files == 1 else (format_percent(share), f"one of {files} files")
    )
    return ReviewFinding(
        "one source", Severity.WARNING,
        f"{many} of {person.name}'s faces come from {of} ({first.name}).",
        f"Add footage of {person.name} from other days and places: one file has one camera, one light and one mood.",
        share, {"share": share, "files": files},
    )  # fmt: skip


def few_sources(person: FaceSetStatistics) -> ReviewFinding | None:
    """Most faces from two of many files, and not from one."""
    one, two = person.files[0].faces, sum(share.faces for share in person.files[:2])
    if len(person.files) < 4 or two < _TWO_FILES * len(person) or one >= _ONE_FILE * len(person):
        return None
    share = two / len(person)
    return ReviewFinding(
        "few sources", Severity.WARNING,
        f"{format_percent(share)} of {person.name}'s faces come from 2 of {len(person.files)} files.",
        f"Their lights and moods will rule the face: add footage like the other {len(person.files) - 2} files, "
        "or extract the two with a larger --every.",
        share, {"share": share, "files": len(person.files)},
    )  # fmt: skip


def strangers(person: FaceSetStatistics) -> ReviewFinding | None:
    """Faces unlike the set's own center."""
    count = int((person.similarity < SAME_PERSON_SIMILARITY).sum())
    if not count:
        return None
    return ReviewFinding(
        "strangers", Severity.CRITICAL,
        f"{count} of {person.name}'s {len(person)} faces look like another person.",
        "Look at the page's most doubtful faces, then take them out.",
        count / len(person), {"faces": count}, _curate(person, "--keep-identity"),
    )  # fmt: skip


def flat_background(person: FaceSetStatistics) -> ReviewFinding | None:
    """One flat, colored background behind many faces."""
    flat = person.background_uniform >= _FLAT
    if not flat.any():
        return None
    # A few hundred stand for all: each is held against each.
    colors = person.background_rgb[flat][:: -(-int(flat.sum()) // 300)]
    lab = to_lab(np.asarray(colors[None], np.uint8))[0]
    alike = (np.linalg.norm(lab[:, None, 1:] - lab[None, :, 1:], axis=-1) < _ONE_WALL).mean(1)
    middle, share = lab[int(alike.argmax())], float(alike.max() * flat.mean())
    if share < 0.2 or np.hypot(*middle[1:]) < _COLORFUL:
        return None
    return ReviewFinding(
        "flat background", Severity.WARNING,
        f"{format_percent(share)} of {person.name}'s crops have one flat {_color_name(middle)} background: "
        "it will leak into the skin unless masked.",
        "Train with mask_background on (every preset but original_64 has it), or add footage before other walls.",
        share, {"share": share},
    )  # fmt: skip


def one_light(person: FaceSetStatistics) -> ReviewFinding | None:
    """Lit from the same side in nearly all faces."""
    across = person.table.gradient_x
    right, left = float((across > _SIDE_LIT).mean()), float((across < -_SIDE_LIT).mean())
    share = max(left, right)
    if share < 0.85:
        return None
    side, other = ("left", "right") if left > right else ("right", "left")
    return ReviewFinding(
        "one light", Severity.WARNING,
        f"{person.name} is lit from the {side} only, in {format_percent(share)} of the faces.",
        f"Add footage of {person.name} with light from the front or the {other}.",
        share, {"share": share, "across": float(np.median(across))},
    )  # fmt: skip


def near_duplicates(person: FaceSetStatistics) -> ReviewFinding | None:
    """Many faces that look like another one of the set."""
    count = int(person.duplicate.sum())
    share = count / len(person)
    if share < 0.2:
        return None
    return ReviewFinding(
        "near-duplicates", Severity.NOTE,
        f"{count} of {person.name}'s {len(person)} faces are near-duplicates.",
        "They teach nothing new; take them out.",
        share, {"faces": count, "share": share}, _curate(person, "--dedupe"),
    )  # fmt: skip


def blurred(person: FaceSetStatistics) -> ReviewFinding | None:
    """Many blurred faces."""
    share = float((person.table.sharpness < BLURRED).mean())
    if share < 0.1:
        return None
    return ReviewFinding(
        "blurred", Severity.WARNING, f"{format_percent(share)} of {person.name}'s faces are blurred.",
        "Take them out, or add sharper footage.",
        share, {"share": share}, _curate(person, "--drop", f"sharpness<{BLURRED}"),
    )  # fmt: skip


def small(person: FaceSetStatistics) -> ReviewFinding | None:
    """Many faces of few pixels."""
    share = float((person.table.size < _SMALL).mean())
    if share < 0.25:
        return None
    return ReviewFinding(
        "small", Severity.WARNING,
        f"{format_percent(share)} of {person.name}'s faces are smaller than {_SMALL} pixels.",
        "Add closer footage; with enough of it, take the small ones out.",
        share, {"share": share, "median": float(np.median(person.table.size))},
        _curate(person, "--drop", f"size<{_SMALL}"),
    )  # fmt: skip


def badly_exposed(person: FaceSetStatistics) -> ReviewFinding | None:
    """Many faces too dark, too bright or cut off at white."""
    table = person.table
    bad = (table.exposure < _DARK) | (table.exposure > _BRIGHT) | (table.clipped > _CLIPPED)
    share = float(bad.mean())
    if share < 0.15:
        return None
    return ReviewFinding(
        "badly exposed", Severity.WARNING,
        f"{format_percent(share)} of {person.name}'s faces are too dark, too bright or burnt out.",
        "Add evenly lit footage; with enough of it, take these out.",
        share, {"share": share},
        _curate(person, *(
            word for limit in (f"exposure<{_DARK}", f"exposure>{_BRIGHT}", f"clipped>{_CLIPPED}")
            for word in ("--drop", limit)
        )),
    )  # fmt: skip


def still_mouth(person: FaceSetStatistics) -> ReviewFinding | None:
    """The mouth never opens."""
    widest = float(np.percentile(person.table.mouth_open, 98))
    if widest >= 0.2:
        return None
    return ReviewFinding(
        "still mouth", Severity.WARNING, f"{person.name} hardly ever opens the mouth.",
        f"Add footage in which {person.name} speaks: the swap can only show a mouth that it has seen.",
        1 - widest, {"widest": widest},
    )  # fmt: skip


def stiff_head(person: FaceSetStatistics) -> ReviewFinding | None:
    """The head never turns."""
    span = float(np.ptp(np.percentile(person.table.yaw, [3, 97])))
    if span >= 25:
        return None
    return ReviewFinding(
        "stiff head", Severity.WARNING, f"{person.name}'s head turns through {span:.0f} degrees only.",
        f"Add footage in which {person.name} looks to both sides.", 1 - span / 25, {"degrees": span},
    )  # fmt: skip


def one_person_twice(people: tuple[FaceSetStatistics, FaceSetStatistics]) -> ReviewFinding | None:
    """Two sets of the same person."""
    first, second = people
    likeness = float(first.center @ second.center)
    if likeness < SAME_PERSON_SIMILARITY:
        return None
    return ReviewFinding(
        "one person twice", Severity.CRITICAL,
        f"{first.name} and {second.name} look like one person (likeness {likeness:.2f}).",
        "Check that each face set holds the right person.", likeness, {"likeness": likeness},
    )  # fmt: skip


FACESET_CHECKS: tuple[Callable[[FaceSetStatistics], ReviewFinding | None], ...] = (
    few_faces, one_source, few_sources, strangers, flat_background, one_light, near_duplicates,
    blurred, small, badly_exposed, still_mouth, stiff_head,
)  # fmt: skip
PAIR_CHECKS: tuple[
    Callable[[tuple[FaceSetStatistics, FaceSetStatistics]], ReviewFinding | None], ...
] = (one_person_twice,)


def _curate(person: FaceSetStatistics, *options: str) -> str:
    """The command that rejects faces of a set."""
    return shlex.join(
        ["faceloom", "curate", str(person.faces.directory.resolve()), *options, "--apply"]
    )


def _color_name(lab: np.ndarray) -> str:
    """Name a color by its hue angle in Lab."""
    names = (
        "red",
        "orange",
        "yellow",
        "green",
        "green",
        "turquoise",
        "blue",
        "blue",
        "violet",
        "pink",
    )
    angle = float(np.degrees(np.arctan2(*float32(lab)[[2, 1]]))) % 360
    starts = (0, 45, 75, 105, 140, 175, 215, 265, 305, 330)
    return names[int(np.searchsorted(starts, angle, side="right")) - 1]
