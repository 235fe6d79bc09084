"""A source that pastes one still of a person on every face: the baseline for a trained swap.

A paste takes a minute to make and is sharp, but the face is frozen.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import Affine, RgbBatch
from faceloom.choices import FaceMaskKind, Precision
from faceloom.faces.alignment import CropGeometry, fit_affine
from faceloom.faces.landmarks import CHIN, EXPRESSION_LANDMARKS, FOREHEAD, LIPS
from faceloom.faceset import FaceRow, FaceSet
from faceloom.faceset.parsing.corrected_masks import stored_face_mask
from faceloom.swap.bundle.manifest import BlendRow
from faceloom.swap.sources.face_source import CropBatch, Predictions

# The smallest side of a crop in pixels, as in `CropGeometry`.
_MIN_SIZE = 32

Mesh = Float32[np.ndarray, "468 2"]


class PastedStill:
    """Warps one still onto each face of a target. A `FaceSource`."""

    def __init__(self, faces: FaceSet, row: FaceRow):
        self._face = faces.read_crop(row)
        self._mask = stored_face_mask(faces, row)
        self._mesh_xy = faces.mesh_in_crop(row)
        self._fitted = _rigid_landmarks(self._mesh_xy)
        self.crop: CropGeometry = _face_geometry(faces.geometry)
        self.blend: BlendRow = BlendRow()
        self.provider = "cpu"
        self.face_mask: FaceMaskKind = "mesh"
        self.precision: Precision | None = None

    def predict(self, batch: CropBatch) -> Predictions:
        """Return the still and its mask, warped to each target's landmarks.

        Args:
            batch: crops of the target's faces.

        Returns:
            One warped still for each crop.
        """
        faces, masks = np.zeros_like(batch.crops), np.zeros_like(batch.face_masks)
        for index, mesh_xy in enumerate(batch.meshes_xy):
            to_target = fit_affine(self._mesh_xy[self._fitted], mesh_xy[self._fitted])
            faces[index] = self._warp(self._face, to_target, cv2.INTER_CUBIC)
            masks[index] = self._warp(self._mask, to_target, cv2.INTER_LINEAR)
        return Predictions(faces, masks)

    def network_input(self, batch: CropBatch) -> RgbBatch:
        """Return the crops; only their landmarks are used.

        Args:
            batch: crops of the target's faces.

        Returns:
            The same crops.
        """
        return batch.crops

    def _warp(self, picture: np.ndarray, to_target: Affine, interpolation: int) -> np.ndarray:
        size = (self.crop.size, self.crop.size)
        return np.asarray(cv2.warpAffine(picture, to_target, size, flags=interpolation))


def _face_geometry(stored: CropGeometry) -> CropGeometry:
    """Return the crop of the face alone, at the scale of the stored crop, which has a margin."""
    return CropGeometry(
        size=max(_MIN_SIZE, round(stored.size / stored.coverage)),
        coverage=1,
        template=stored.template,
    )


def _rigid_landmarks(mesh_xy: Mesh) -> Bool[np.ndarray, "468"]:
    """Return the landmarks that speech does not move: above the lips, without eyes and brows.

    A fit to the whole mesh would stretch the still when the jaw opens: five times as much on the
    sample.
    """
    up = mesh_xy[FOREHEAD] - mesh_xy[CHIN]
    height = mesh_xy @ up
    fitted = np.asarray(height > height[list(LIPS)].max())
    fitted[list(EXPRESSION_LANDMARKS)] = False
    return fitted
