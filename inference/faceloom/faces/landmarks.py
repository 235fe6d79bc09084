"""468 landmarks of a face (the MediaPipe Face Mesh topology), and what is derived from them."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Affine, Points, Rgb, float32
from faceloom.faces.alignment import apply_affine, invert_affine
from faceloom.onnx_session import FaceModelOpener, open_face_model
from faceloom.weights import FACE_MESH

# Indices of the mesh in its published topology. The n-th point of the right eye is the mirror image
# of the n-th of the left; brows, left half first, and lips mirror likewise
# (see EXPRESSION_MIRROR_INDICES).
EYE_LEFT = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
EYE_RIGHT = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)
# Positions in an eye's ring of the upper lid. The eye's corners are at 0 and 8.
UPPER_LID = (3, 4, 5)
# Positions in an eye's ring of the lower lid, each beneath one of UPPER_LID.
LOWER_LID = (13, 12, 11)
NOSE_TIP = 4
MOUTH_LEFT = 61
MOUTH_RIGHT = 291
LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
BROWS = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55, 300, 293, 334, 296, 336, 276, 283, 282, 295, 285)
INNER_LIPS = (
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415),
    *(308, 324, 318, 402, 317, 14, 87, 178, 88, 95),
)
FOREHEAD = 10
CHIN = 152
EYE_LEFT_OUTER = 33
EYE_RIGHT_OUTER = 263

# Landmarks of a mesh.
MESH_POINTS = 468
# The landmarks that carry the performance.
EXPRESSION_LANDMARKS = (*EYE_LEFT, *EYE_RIGHT, *BROWS, *LIPS, *INNER_LIPS)
# For each of EXPRESSION_LANDMARKS the position in that list of its mirror image.
EXPRESSION_MIRROR_INDICES = (
    *range(16, 32), *range(16), *range(42, 52), *range(32, 42),
    *(52 + (10 - n) % 20 for n in range(20)),
    *(72 + (10 - n) % 20 for n in range(20)),
)  # fmt: skip

# Side of the network's input in pixels.
_INPUT_SIDE = 192
# Side of the network's input in longer sides of the detector's box, as in its training.
_BOX_MARGIN = 1.5


@dataclass(frozen=True, slots=True)
class Landmarks:
    """A face's mesh."""

    points_xyz: Float32[np.ndarray, "468 3"]
    """x and y in pixels of the picture; z grows away from the camera, in the same unit."""
    score: float
    """The network's confidence that this is a face, 0..1."""

    @property
    def points_xy(self) -> Points:
        """The mesh in the picture's plane."""
        return self.points_xyz[:, :2]

    def box_xyxy(self) -> Float32[np.ndarray, "4"]:
        """Return the smallest box that contains the mesh."""
        return np.concatenate([self.points_xy.min(0), self.points_xy.max(0)])

    def five_points_xy(self) -> Points:
        """Return eye left, eye right, nose tip, mouth corner left and right, as detectors do.

        An eye is the mean of its contour, which is steadier than a detector's point and the iris.
        """
        return five_points(self.points_xy)


def five_points(mesh_xy: Float32[np.ndarray, "468 2"]) -> Points:
    """Return the five alignment points of a mesh.

    Args:
        mesh_xy: The landmarks in pixels.

    Returns:
        Eye left, eye right, nose tip, mouth corner left, mouth corner right.
    """
    eyes = [mesh_xy[list(ring)].mean(0) for ring in (EYE_LEFT, EYE_RIGHT)]
    return np.stack([*eyes, mesh_xy[NOSE_TIP], mesh_xy[MOUTH_LEFT], mesh_xy[MOUTH_RIGHT]])


class FaceMesh:
    """The mesh network, one face a call (its graph has a fixed batch of one)."""

    def __init__(self, threads: int = 0, open_model: FaceModelOpener | None = None) -> None:
        """Open the network.

        Args:
            threads: Threads of the network; 0 means one for each core.
            open_model: Opens the network; None opens it on the CPU.
        """
        self._session = (open_model or open_face_model)(FACE_MESH, threads)

    def find(
        self,
        picture: Rgb,
        box_xyxy: Float32[np.ndarray, "4"],
        points_xy: Float32[np.ndarray, "5 2"],
    ) -> Landmarks:
        """Return the landmarks of a detected face.

        Args:
            picture: The picture that shows the face.
            box_xyxy: The face's box in pixels.
            points_xy: The face's five points in pixels; the line between the eyes gives the roll.

        Returns:
            The landmarks in pixels of the picture.
        """
        to_crop = square_around_face(box_xyxy, points_xy, _INPUT_SIDE)
        crop = cv2.warpAffine(picture, to_crop, (_INPUT_SIDE, _INPUT_SIDE), flags=cv2.INTER_LINEAR)
        mesh, logit = self._session.run(None, {"input_1": float32(crop[None]) / 255})
        points = mesh.reshape(468, 3)
        to_picture = invert_affine(to_crop)
        scale = float(np.hypot(*to_picture[:, 0]))
        in_picture = apply_affine(to_picture, points[:, :2])
        return Landmarks(
            np.concatenate([in_picture, points[:, 2:] * scale], 1),
            float(1 / (1 + np.exp(-logit.item()))),
        )


def square_around_face(
    box_xyxy: Float32[np.ndarray, "4"], points_xy: Float32[np.ndarray, "5 2"], side: int
) -> Affine:
    """Return the map to the crop that MediaPipe's face networks were trained on.

    A square around the box, 1.5 times as large as its longer side, rotated until the eyes are
    level.

    Args:
        box_xyxy: The face's box in pixels.
        points_xy: The face's five points in pixels; the line between the eyes gives the roll.
        side: Side of the crop in pixels.

    Returns:
        The map from pixels of the picture to those of the crop.
    """
    center = (box_xyxy[:2] + box_xyxy[2:]) / 2
    scale = side / (_BOX_MARGIN * (box_xyxy[2:] - box_xyxy[:2]).max())
    across = points_xy[1] - points_xy[0]
    angle = np.degrees(np.arctan2(across[1], across[0]))
    to_crop = cv2.getRotationMatrix2D(center.tolist(), float(angle), float(scale))
    to_crop[:, 2] += side / 2 - 0.5 - center
    return to_crop.astype(np.float32)
