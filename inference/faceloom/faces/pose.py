"""Head pose, computed from the landmarks."""

import numpy as np
from jaxtyping import Float32

from faceloom.faces.landmarks import CHIN, EYE_LEFT_OUTER, EYE_RIGHT_OUTER, FOREHEAD, Landmarks
from faceloom.json_documents import StrictModel

# Degrees by which the mesh's line from forehead to chin leans back on a level head: the mean over
# the synthetic people's exact poses (9.0 to 10.7).
_LEAN = 10.0


class Pose(StrictModel):
    """The orientation of a head in degrees."""

    yaw: float
    """Positive: the face looks to the picture's right."""
    pitch: float
    """Positive: the face looks up."""
    roll: float
    """Positive: the head is rotated clockwise in the picture."""


def head_pose(landmarks: Landmarks) -> Pose:
    """Compute the pose from the axes that the eyes and the line forehead-chin span in the mesh.

    Args:
        landmarks: The mesh of the face.

    Returns:
        The pose in degrees.
    """
    right, _down, back = _head_axes(landmarks.points_xyz)
    roll = np.arctan2(right[1], right[0])
    yaw = np.arctan2(-back[0], back[2])
    pitch = np.arctan2(back[1], np.hypot(back[0], back[2]))
    yaw, pitch, roll = np.degrees([yaw, pitch, roll])
    return Pose(yaw=float(yaw), pitch=float(pitch) + _LEAN, roll=float(roll))


def _head_axes(mesh: Float32[np.ndarray, "468 3"]) -> Float32[np.ndarray, "3 3"]:
    """Return unit vectors to the head's left (the picture's right), down and back."""
    right = mesh[EYE_RIGHT_OUTER] - mesh[EYE_LEFT_OUTER]
    right = right / np.linalg.norm(right)
    down = mesh[CHIN] - mesh[FOREHEAD]
    down = down - right * (right @ down)
    down = down / np.linalg.norm(down)
    return np.stack([right, down, np.cross(right, down)])
