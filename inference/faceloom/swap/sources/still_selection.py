"""Select the still of a person that fits a whole clip best."""

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
from faceloom.video.display import frame_to_upright

# Frames of a clip that are measured, spread evenly.
_SAMPLES = 50
# Every so-manyth frame is measured where the clip's length is unknown.
_INTERVAL = 25
# Degrees that a still may be turned away from the clip's faces; beyond, flattening it shows.
_MAX_TURN = 30.0
# Differences that cost the same: degrees of pose, ...
_POSE_UNIT = 5.0
# ... openness of the mouth in eye widths, ...
_MOUTH_UNIT = 0.1
# ... and the share by which a still falls short of the usual value.
_SHORTFALL_UNIT = 0.1

Column = Float32[np.ndarray, "_"]


@dataclass(frozen=True, slots=True)
class TypicalFace:
    """Medians over the faces of a clip."""

    yaw: float
    """Degrees, as in `Pose`."""
    pitch: float
    """Degrees, as in `Pose`."""
    mouth_open: float
    """In eye widths, as in `Quality`."""
    size: float
    """Side of the face's bounding box in pixels."""


def measure_target_face(info: VideoInfo) -> ProgressGenerator[TypicalFace]:
    """Measure the largest face in 50 frames spread over a video, or in all if those show none.

    Args:
        info: the video.

    Returns:
        The medians.

    Raises:
        NoFaceFound: no frame shows a face.
    """
    interval = max(1, -(-info.frame_count // _SAMPLES)) if info.frame_count else _INTERVAL
    for every in sorted({interval, 1}, reverse=True):
        if rows := (yield from _measure(info, every)):
            return TypicalFace(*np.median(rows, 0).tolist())
    raise NoFaceFound(f"No face was found in {info.path}; nothing was written.")


def _measure(
    info: VideoInfo, every: int
) -> ProgressGenerator[list[tuple[float, float, float, float]]]:
    """Return the values of a TypicalFace for each `every`-th frame that shows a face."""
    finder = FaceFinder()
    rows = []
    for count, frame in enumerate(read_source(info, every=every), 1):
        if faces := finder.find([frame_to_upright(frame, info).square_rgb])[0]:
            pose, mesh_xy = head_pose(faces[0].landmarks), faces[0].landmarks.points_xy
            rows.append((pose.yaw, pose.pitch, mouth_open(mesh_xy), faces[0].size))
        yield Progress("measure", count, info.frame_count and -(-info.frame_count // every))
    return rows


def choose_still(faces: FaceSet, typical: TypicalFace) -> FaceRow:
    """Return the face nearest to the clip's typical face, without visible defects.

    Among the faces turned at most 30 degrees away from the clip's, it minimizes the sum of the
    distances in pose and mouth, and of the shortfalls in similarity to the set's center,
    sharpness and openness of the eyes (against the set's medians) and size (against the clip's).

    Args:
        faces: the face set.
        typical: the clip's typical face.

    Returns:
        A row of the set.

    Raises:
        ArtifactRefused: all faces are turned further away.
    """
    rows = faces.rows
    turned = float32(
        [np.hypot(row.pose.yaw - typical.yaw, row.pose.pitch - typical.pitch) for row in rows]
    )
    if turned.min() > _MAX_TURN:
        raise ArtifactRefused(
            f"{faces.directory} has no face in the target's pose (yaw {typical.yaw:.0f}, pitch "
            f"{typical.pitch:.0f} degrees): the nearest is {turned.min():.0f} degrees off; "
            "extract footage that shows the person in that pose."
        )
    cost = np.where(turned > _MAX_TURN, np.inf, turned / _POSE_UNIT)
    mouths = float32([row.quality.mouth_open for row in rows])
    cost += np.abs(mouths - typical.mouth_open) / _MOUTH_UNIT
    similarity, sizes = similarities(faces.read_embeddings()), float32([row.size for row in rows])
    cost += _shortfall(similarity, float(np.median(similarity))) + _shortfall(sizes, typical.size)
    for part in ("sharpness", "eyes_open"):
        values = float32([getattr(row.quality, part) for row in rows])
        cost += _shortfall(values, float(np.median(values)))
    return rows[int(cost.argmin())]


def _shortfall(values: Column, usual: float) -> Column:
    """Return how far each value falls short of the usual one; an excess counts nothing."""
    return float32(np.maximum(0, 1 - values / max(usual, 1e-6)) / _SHORTFALL_UNIT)
