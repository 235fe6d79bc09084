"""What the 478 landmarks of a face tell about its lids, gaze and mouth."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.faces.expression.blendshapes import BLENDSHAPE_NAMES
from faceloom.faces.landmarks import EYE_LEFT, EYE_RIGHT, INNER_LIPS, LOWER_LID, UPPER_LID

# The first 468 landmarks are those of the face mesh; the irises follow, center first.
_LANDMARKS_OF_IRIS = 5
_IRIS_LEFT = 468
_IRIS_RIGHT = 473
# Per eye, left of the picture first: its ring and the first landmark of its iris.
_EYES = ((EYE_LEFT, _IRIS_LEFT), (EYE_RIGHT, _IRIS_RIGHT))
# Positions of the middle of the upper and of the lower lip in INNER_LIPS.
_UPPER_LIP = 5
_LOWER_LIP = 15
# Width of an eye in pixels to divide by at least.
_LEAST_WIDTH = 1e-6
# Confidence that a face is one, below which its expression cannot be read.
_LEAST_SCORE = 0.5

# Landmarks of a face in pixels; z grows away from the camera.
Landmarks478 = Float32[np.ndarray, "478 3"]


@dataclass(frozen=True, slots=True)
class FaceExpression:
    """The expression of one face."""

    points_xyz: Landmarks478
    """The landmarks that it was read from, in pixels of the picture."""
    lids: Float32[np.ndarray, "2"]
    """Gap of the lids over the eye's width; the eye on the left of the picture first.

    An open eye has about 0.3 and a shut one below 0.1; people differ.
    """
    gaze: Float32[np.ndarray, "2 2"]
    """Per eye the position of the iris from the middle of the eye's corners, right and down in the
    picture, in eye widths. It means little where the eye is shut."""
    mouth: float
    """Gap between the lips' inner edges over the wider eye's width; 0 is closed, 1 wide open."""
    weights: Float32[np.ndarray, "52"]
    """Expression weights in the order of BLENDSHAPE_NAMES, each 0 to 1."""
    score: float
    """The network's confidence that this is a face, 0 to 1."""

    @property
    def is_readable(self) -> bool:
        """Whether the network is confident that the picture shows a face."""
        return self.score >= _LEAST_SCORE

    @classmethod
    def from_landmarks(
        cls, points_xyz: Landmarks478, weights: Float32[np.ndarray, "52"], score: float
    ) -> "FaceExpression":
        """Measure lids, gaze and mouth.

        Args:
            points_xyz: The landmarks in pixels.
            weights: The expression weights.
            score: The confidence that this is a face.
        """
        eyes = [
            (points_xyz[list(ring)], points_xyz[iris:][:_LANDMARKS_OF_IRIS]) for ring, iris in _EYES
        ]
        lips = points_xyz[list(INNER_LIPS), :2]
        gap = float(np.linalg.norm(lips[_UPPER_LIP] - lips[_LOWER_LIP]))
        width = max(float(np.linalg.norm((ring[0] - ring[8])[:2])) for ring, _ in eyes)
        return cls(
            points_xyz,
            float32([_lid_opening(ring) for ring, _ in eyes]),
            np.stack([_iris_position(ring[:, :2], iris[:, :2]) for ring, iris in eyes]),
            gap / max(width, _LEAST_WIDTH),
            weights,
            score,
        )

    @property
    def lid_opening(self) -> float:
        """The mean of both eyes' `lids`."""
        return float(self.lids.mean())

    def weight(self, name: str) -> float:
        """Return an expression weight, 0 to 1.

        Args:
            name: One of BLENDSHAPE_NAMES.

        Raises:
            ValueError: There is no weight of that name.
        """
        return float(self.weights[BLENDSHAPE_NAMES.index(name)])


def _lid_opening(ring_xyz: Float32[np.ndarray, "16 3"]) -> float:
    """Gap of the lids in the picture over the width in space, which a turned head keeps.

    The gap's own depth is noise: with it, a shut eye has a third of an open one's opening.
    """
    gaps = (ring_xyz[list(UPPER_LID)] - ring_xyz[list(LOWER_LID)])[:, :2]
    width = float(np.linalg.norm(ring_xyz[0] - ring_xyz[8]))
    return float(np.linalg.norm(gaps, axis=1).mean()) / max(width, _LEAST_WIDTH)


def _iris_position(
    ring_xy: Float32[np.ndarray, "16 2"], iris_xy: Float32[np.ndarray, "5 2"]
) -> Float32[np.ndarray, "2"]:
    corners = ring_xy[[0, 8]]
    left, right = corners[np.argsort(corners[:, 0])]
    width = max(float(np.linalg.norm(right - left)), _LEAST_WIDTH)
    along = (right - left) / width
    across = float32([-along[1], along[0]])
    center = iris_xy.mean(0) - (left + right) / 2
    return float32([center @ along, center @ across]) / np.float32(width)
