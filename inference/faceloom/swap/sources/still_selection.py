"""Choose the one still of a person that suits a whole clip best."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.errors import ArtifactRefused, NoFaceFound
from faceloom.faces.face_finder import FaceFinder
from faceloom.faces.pose import head_pose
from faceloom.faces.quality import mouth_open
from faceloom.faceset import FaceRow, FaceSet
from faceloom.faceset.similarity import similarities
from faceloom.progress import Progress, ProgressGenerator
from faceloom.video import VideoInfo, read_source
from faceloom.video.rotation import upright

# Frames of a clip that are looked at, and each how many where its length is unknown.
_LOOKS, _EVERY = 50, 25
# Degrees that a still may be turned away from the clip's faces: beyond, flattening it shows.
_MOST_TURNED = 30.0
# What weighs alike: degrees of pose, the mouth in eye widths, and the share of what is usual that a still lacks.
_POSE, _MOUTH, _LACK = 5.0, 0.1, 0.1

Column = Float32[np.ndarray, "_"]


@dataclass(frozen=True, slots=True)
class TypicalFace:
    """A clip's medians: degrees as in `Pose`, mouth as in `Quality`, size in pixels of its picture."""

    yaw: float
    pitch: float
    mouth_open: float
    size: float


def look_over(info: VideoInfo) -> ProgressGenerator[TypicalFace]:
    """Measure the largest face in up to _LOOKS frames spread evenly over a video, or in all if those show none.

    Raises NoFaceFound if none does.
    """
    every = max(1, -(-info.frame_count // _LOOKS)) if info.frame_count else _EVERY
    for step in sorted({every, 1}, reverse=True):
        if seen := (yield from _measure(info, step)):
            return TypicalFace(*np.median(seen, 0).tolist())
    raise NoFaceFound(f"No face was found in {info.path}; nothing was written.")


def _measure(
    info: VideoInfo, every: int
) -> ProgressGenerator[list[tuple[float, float, float, float]]]:
    """Return the values of a TypicalFace for each `every`-th frame with a face."""
    finder = FaceFinder()
    seen = []
    for number, frame in enumerate(read_source(info, every=every), 1):
        if faces := finder.find([upright(frame.rgb, info.rotation)])[0]:
            pose, mesh_xy = head_pose(faces[0].landmarks), faces[0].landmarks.points_xy
            seen.append((pose.yaw, pose.pitch, mouth_open(mesh_xy), faces[0].size))
        yield Progress("look", number, info.frame_count and -(-info.frame_count // every))
    return seen


def choose_still(faces: FaceSet, typical: TypicalFace) -> FaceRow:
    """Return the face that is nearest to the clip's typical one and lacks least.

    The rule: of the faces turned at most _MOST_TURNED degrees away from the clip's, the one with the least sum
    of how far its pose and mouth are from the clip's medians, and of what it lacks of the set's median likeness
    to its center, sharpness and openness of the eyes, and of the clip's median size. Raises
    ArtifactRefused if all are turned further.
    """
    rows = faces.rows
    turned = float32(
        [np.hypot(row.pose.yaw - typical.yaw, row.pose.pitch - typical.pitch) for row in rows]
    )
    if turned.min() > _MOST_TURNED:
        raise ArtifactRefused(
            f"{faces.directory} has no face that looks where the target's does (yaw {typical.yaw:.0f}, pitch "
            f"{typical.pitch:.0f} degrees): the nearest is {turned.min():.0f} degrees off; extract footage that has."
        )
    cost = np.where(turned > _MOST_TURNED, np.inf, turned / _POSE)
    mouths = float32([row.quality.mouth_open for row in rows])
    cost += np.abs(mouths - typical.mouth_open) / _MOUTH
    likeness, sizes = similarities(faces.read_embeddings()), float32([row.size for row in rows])
    cost += _lack(likeness, float(np.median(likeness))) + _lack(sizes, typical.size)
    for part in ("sharpness", "eyes_open"):
        values = float32([getattr(row.quality, part) for row in rows])
        cost += _lack(values, float(np.median(values)))
    return rows[int(cost.argmin())]


def _lack(values: Column, usual: float) -> Column:
    """What each value lacks of what is usual; more than usual is worth nothing."""
    return float32(np.maximum(0, 1 - values / max(usual, 1e-6)) / _LACK)
