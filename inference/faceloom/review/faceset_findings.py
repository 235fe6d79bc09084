"""Findings about a face set, and about pairs of face sets."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from faceloom.array_types import float32
from faceloom.color import to_lab
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY
from faceloom.faceset.face_count import ENOUGH_DIFFERENT_FACES, MANY_DUPLICATES
from faceloom.faceset.similarity import SAME_PERSON_CENTERS
from faceloom.review.commands import add_command, curate_command
from faceloom.review.finding import ReviewFinding, Severity, format_percent
from faceloom.review.hidden_face_findings import HIDDEN_FACE_CHECKS
from faceloom.review.statistics import BLURRED, FaceSetStatistics

FaceSetPair: TypeAlias = tuple[FaceSetStatistics, FaceSetStatistics]

# Different faces below which too few faces are critical.
_CRITICAL_FACES = 20
# Share of the faces from which one file is all there is to a set.
_ONE_FILE = 0.9
# Share of the faces from which two files dominate a set.
_TWO_FILES = 0.75
# Files that a set has before two of them can dominate it.
_SEVERAL_FILES = 4
# Share of a background in one color from which it is flat: a studio's wall measures 0.63 to 0.81.
_FLAT = 0.6
# Distance in a* and b* within which two backgrounds have the same color.
_SAME_HUE = 12.0
# Chroma from which a background's color is visible in the skin.
_COLORFUL = 15.0
# Backgrounds that are compared at most, each with each.
_MAX_BACKGROUNDS = 300
# Share of the faces from which a flat background is a problem.
_MANY_FLAT = 0.2
# Lighting gradient from which a face is lit from a side.
_SIDE_LIT = 0.12
# Share of the faces from which a set is lit from one side only.
_ONE_SIDED = 0.85
# Share of blurred faces that is a problem.
_MANY_BLURRED = 0.1
# Pixels below which a face is small.
_SMALL = 80
# Share of small faces that is a problem.
_MANY_SMALL = 0.25
# Exposure below which a face is too dark, 0 to 1.
_DARK = 0.15
# Exposure above which a face is too bright, 0 to 1.
_BRIGHT = 0.85
# Share of clipped pixels above which a face is overexposed.
_CLIPPED = 0.1
# Share of badly exposed faces that is a problem.
_MANY_BADLY_EXPOSED = 0.15
# Percentile of the mouth openings that counts as the widest.
_WIDEST_PERCENTILE = 98
# Mouth opening in eye widths below which the mouth hardly opens.
_HARDLY_OPEN = 0.2
# Percentiles of yaw that bound the range of a head's turns.
_YAW_PERCENTILES = (3, 97)
# Degrees of yaw that a set should span.
_YAW_RANGE = 25

# Names of colors by the hue angle in a* and b*, from the given angle on, in degrees.
_HUES = (
    (0, "red"),
    (45, "orange"),
    (75, "yellow"),
    (105, "green"),
    (175, "turquoise"),
    (215, "blue"),
    (305, "violet"),
    (330, "pink"),
)


def few_faces(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find too few different faces.

    Args:
        person: The face set.
    """
    different = int((~person.duplicate).sum())
    if different >= ENOUGH_DIFFERENT_FACES:
        return None
    more = f", or extract again with --every {person.every // 2}" if person.more_frames_help else ""
    return ReviewFinding(
        "few faces",
        Severity.CRITICAL if different < _CRITICAL_FACES else Severity.WARNING,
        f"{person.name} has only {different} different faces.",
        f"Add footage of {person.name} in which the head and the mouth move ({add_command(person)})"
        f"{more}.",
        1 - different / ENOUGH_DIFFERENT_FACES,
        {"different": different, "faces": len(person)},
    )


def one_file(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find a set that comes from one file, or nearly.

    Args:
        person: The face set.
    """
    first, files = person.files[0], len(person.files)
    share = first.faces / len(person)
    if share < _ONE_FILE:
        return None
    percent = format_percent(share)
    amount, of = ("All", "one file") if files == 1 else (percent, f"one of {files} files")
    return ReviewFinding(
        "one file",
        Severity.WARNING,
        f"{amount} of {person.name}'s faces come from {of} ({first.name}).",
        f"Add footage of {person.name} from other days and places: one file has one camera, "
        "one lighting and one mood.",
        share,
        {"share": share, "files": files},
    )


def few_files(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find a set of many files that is dominated by two of them.

    Args:
        person: The face set.
    """
    faces, files = len(person), len(person.files)
    first, both = person.files[0].faces, sum(file.faces for file in person.files[:2])
    if files < _SEVERAL_FILES or both < _TWO_FILES * faces or first >= _ONE_FILE * faces:
        return None
    share = both / faces
    return ReviewFinding(
        "few files",
        Severity.WARNING,
        f"{format_percent(share)} of {person.name}'s faces come from 2 of {files} files.",
        f"Their lighting and mood will dominate: add footage like the other {files - 2} files.",
        share,
        {"share": share, "files": files},
    )


def other_people(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find faces that are not similar to the set's center.

    Args:
        person: The face set.
    """
    count = int((person.similarity < SAME_PERSON_SIMILARITY).sum())
    if not count:
        return None
    return ReviewFinding(
        "other people",
        Severity.CRITICAL,
        f"{count} of {person.name}'s {len(person)} faces look like another person.",
        "Check the report's least similar faces, then remove them.",
        count / len(person),
        {"faces": count},
        curate_command(person, "--keep-identity"),
        f"Check the report's least similar faces; add footage of {person.name} before you remove "
        "them, since too few faces would remain.",
    )


def flat_background(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find one flat, colored background behind many faces.

    Args:
        person: The face set.
    """
    flat = person.background_uniform >= _FLAT
    if not flat.any():
        return None
    colors = person.background_rgb[flat][:: -(-int(flat.sum()) // _MAX_BACKGROUNDS)]
    lab = to_lab(np.asarray(colors[None], np.uint8))[0]
    distance = np.linalg.norm(lab[:, None, 1:] - lab[None, :, 1:], axis=-1)
    same = (distance < _SAME_HUE).mean(1)
    color, share = lab[int(same.argmax())], float(same.max() * flat.mean())
    if share < _MANY_FLAT or np.hypot(*color[1:]) < _COLORFUL:
        return None
    return ReviewFinding(
        "flat background",
        Severity.NOTE,
        f"{format_percent(share)} of {person.name}'s crops have one flat {_color_name(color)} "
        "background: it leaks into the skin unless it is masked.",
        "Train with any preset but original_64: they mask the background.",
        share,
        {"share": share},
    )


def one_sided_lighting(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find a set in which nearly all faces are lit from the same side.

    Args:
        person: The face set.
    """
    gradient = person.table.gradient_x
    right, left = float((gradient > _SIDE_LIT).mean()), float((gradient < -_SIDE_LIT).mean())
    share = max(left, right)
    if share < _ONE_SIDED:
        return None
    side, other = ("left", "right") if left > right else ("right", "left")
    return ReviewFinding(
        "one-sided lighting",
        Severity.WARNING,
        f"{person.name} is lit from the {side} only, in {format_percent(share)} of the faces.",
        f"Add footage of {person.name} with light from the front or the {other}.",
        share,
        {"share": share, "gradient_x": float(np.median(gradient))},
    )


def near_duplicates(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find many faces that look like another one of the set.

    Args:
        person: The face set.
    """
    count = int(person.duplicate.sum())
    share = count / len(person)
    if share < MANY_DUPLICATES:
        return None
    return ReviewFinding(
        "near-duplicates",
        Severity.NOTE,
        f"{count} of {person.name}'s {len(person)} faces are near-duplicates.",
        "Nothing is learned from them; remove them.",
        share,
        {"faces": count, "share": share},
        curate_command(person, "--dedupe"),
        "They do no harm: leave them, since too few faces would remain without them.",
    )


def blurred(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find many blurred faces.

    Args:
        person: The face set.
    """
    share = float((person.table.sharpness < BLURRED).mean())
    if share < _MANY_BLURRED:
        return None
    return ReviewFinding(
        "blurred",
        Severity.WARNING,
        f"{format_percent(share)} of {person.name}'s faces are blurred.",
        "Remove them, or add sharper footage.",
        share,
        {"share": share},
        curate_command(person, "--drop", f"sharpness<{BLURRED}"),
        "Add sharper footage; without these faces, too few would remain.",
    )


def small(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find many faces of few pixels.

    Args:
        person: The face set.
    """
    share = float((person.table.size < _SMALL).mean())
    if share < _MANY_SMALL:
        return None
    return ReviewFinding(
        "small",
        Severity.WARNING,
        f"{format_percent(share)} of {person.name}'s faces are smaller than {_SMALL} pixels.",
        "Remove them, or add closer footage.",
        share,
        {"share": share, "median": float(np.median(person.table.size))},
        curate_command(person, "--drop", f"size<{_SMALL}"),
        "Add closer footage; without these faces, too few would remain.",
    )


def badly_exposed(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find many faces that are too dark, too bright or clipped.

    Args:
        person: The face set.
    """
    table = person.table
    bad = (table.exposure < _DARK) | (table.exposure > _BRIGHT) | (table.clipped > _CLIPPED)
    share = float(bad.mean())
    if share < _MANY_BADLY_EXPOSED:
        return None
    limits = (f"exposure<{_DARK}", f"exposure>{_BRIGHT}", f"clipped>{_CLIPPED}")
    options = [word for limit in limits for word in ("--drop", limit)]
    return ReviewFinding(
        "badly exposed",
        Severity.WARNING,
        f"{format_percent(share)} of {person.name}'s faces are too dark, too bright or clipped.",
        "Remove them, or add evenly lit footage.",
        share,
        {"share": share},
        curate_command(person, *options),
        "Add evenly lit footage; without these faces, too few would remain.",
    )


def closed_mouth(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find a mouth that hardly opens.

    Args:
        person: The face set.
    """
    widest = float(np.percentile(person.table.mouth_open, _WIDEST_PERCENTILE))
    if widest >= _HARDLY_OPEN:
        return None
    return ReviewFinding(
        "closed mouth",
        Severity.WARNING,
        f"{person.name} hardly ever opens the mouth.",
        f"Add footage in which {person.name} speaks: an open mouth must be in the training data.",
        1 - widest,
        {"widest": widest},
    )


def small_yaw_range(person: FaceSetStatistics) -> ReviewFinding | None:
    """Find a head that hardly turns.

    Args:
        person: The face set.
    """
    span = float(np.ptp(np.percentile(person.table.yaw, _YAW_PERCENTILES)))
    if span >= _YAW_RANGE:
        return None
    return ReviewFinding(
        "small yaw range",
        Severity.WARNING,
        f"{person.name}'s head turns through only {span:.0f} degrees.",
        f"Add footage in which {person.name} looks to both sides.",
        1 - span / _YAW_RANGE,
        {"degrees": span},
    )


def same_person(pair: FaceSetPair) -> ReviewFinding | None:
    """Find two face sets of the same person.

    Args:
        pair: The face sets.
    """
    first, second = pair
    similarity = float(first.center @ second.center)
    if similarity < SAME_PERSON_CENTERS:
        return None
    return ReviewFinding(
        "same person",
        Severity.CRITICAL,
        f"{first.name} and {second.name} look like one person (similarity {similarity:.2f}).",
        "Check that each face set holds the right person.",
        similarity,
        {"similarity": similarity},
    )


# Functions that return a finding, or None where there is no problem.
FACESET_CHECKS: tuple[Callable[[FaceSetStatistics], ReviewFinding | None], ...] = (
    few_faces,
    one_file,
    few_files,
    other_people,
    flat_background,
    one_sided_lighting,
    near_duplicates,
    blurred,
    small,
    badly_exposed,
    closed_mouth,
    small_yaw_range,
    *HIDDEN_FACE_CHECKS,
)
PAIR_CHECKS: tuple[Callable[[FaceSetPair], ReviewFinding | None], ...] = (same_person,)


def _color_name(lab: np.ndarray) -> str:
    angle = float(np.degrees(np.arctan2(*float32(lab)[[2, 1]]))) % 360
    return next(name for start, name in reversed(_HUES) if angle >= start)
