"""The networks that read an expression: 478 landmarks with irises, then 52 expression weights."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Affine, Points, Rgb, float32
from faceloom.batches import batched
from faceloom.faces.alignment import apply_affine, invert_affine
from faceloom.faces.expression.blendshapes import BLENDSHAPE_LANDMARKS
from faceloom.faces.expression.face_expression import FaceExpression, Landmarks478
from faceloom.faces.landmarks import five_points, square_around_face
from faceloom.onnx_session import open_face_model
from faceloom.weights import FACE_BLENDSHAPES, FACE_LANDMARKS_478

# Side of the landmark network's input in pixels.
_INPUT_SIDE = 256
# Faces that the landmark network reads at once: more do not fit the processor's cache.
_BATCH = 4
# Names in the two graphs.
_CROPS = "input_12"
_LANDMARKS = "Identity"
_LOGITS = "Identity_1"
_POINTS = "serving_default_input_points:0"


class ExpressionReader:
    """Reads the expressions of faces whose mesh is known.

    A face takes about 10 ms of one core. It is not for every converted frame, nor for training.
    """

    def __init__(self, threads: int = 0) -> None:
        """Open the networks.

        Args:
            threads: Threads of each network; 0 means one for each core.
        """
        self._landmarks = open_face_model(FACE_LANDMARKS_478, threads)
        self._blendshapes = open_face_model(FACE_BLENDSHAPES, threads)

    def read(self, pictures: Sequence[Rgb], meshes: Sequence[Points]) -> list[FaceExpression]:
        """Read the expression of one face of each picture.

        Args:
            pictures: n pictures or crops, which show the face's surroundings.
            meshes: The 468 landmarks of each picture's face, in its pixels.

        Returns:
            The expressions.
        """
        faces = []
        for batch in batched(list(zip(pictures, meshes, strict=True)), _BATCH):
            maps = [_to_input(mesh) for _, mesh in batch]
            size = (_INPUT_SIDE, _INPUT_SIDE)
            crops = [
                cv2.warpAffine(picture, to_crop, size, flags=cv2.INTER_LINEAR)
                for (picture, _), to_crop in zip(batch, maps, strict=True)
            ]
            inputs = {_CROPS: float32(np.stack(crops)) / 255}
            points, logits = self._landmarks.run([_LANDMARKS, _LOGITS], inputs)
            for own, logit, to_crop in zip(points, logits, maps, strict=True):
                found = _in_picture(own.reshape(478, 3), to_crop)
                score = float(1 / (1 + np.exp(-logit.item())))
                faces.append(FaceExpression.from_landmarks(found, self._weigh(found), score))
        return faces

    def _weigh(self, points_xyz: Landmarks478) -> Float32[np.ndarray, "52"]:
        # The graph has a fixed batch of one.
        chosen = points_xyz[None, list(BLENDSHAPE_LANDMARKS), :2]
        return float32(self._blendshapes.run(None, {_POINTS: chosen})[0])


def _to_input(mesh_xy: Points) -> Affine:
    box = np.concatenate([mesh_xy.min(0), mesh_xy.max(0)])
    return square_around_face(box, five_points(mesh_xy), _INPUT_SIDE)


def _in_picture(points_xyz: Landmarks478, to_crop: Affine) -> Landmarks478:
    """Map landmarks in pixels of the network's input to pixels of the picture."""
    to_picture = invert_affine(to_crop)
    scale = float(np.hypot(*to_picture[:, 0]))
    flat = apply_affine(to_picture, points_xyz[:, :2])
    return float32(np.concatenate([flat, points_xyz[:, 2:] * scale], 1))
