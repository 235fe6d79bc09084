"""The faces of a run that it never learns from."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import Points, Rgb, float32, to_uint8
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.face_crop import align_mesh
from faceloom.faces.mask import mesh_mask
from faceloom.faceset import FaceRow, FaceSet
from faceloom.swap.bundle.manifest import BlendRow
from faceloom.swap.compositing.mask_refinement import soften
from faceloom.swap.compositing.paste_back import paste
from faceloom_train.config.schema import TrainConfig
from faceloom_train.data.dataset import held_out_rows, network_crop


@dataclass(frozen=True, slots=True)
class HeldFace:
    """A stored picture, and what the network sees of it: RGB and mask, 0..1."""

    picture: Rgb
    mesh_xy: Points
    seen: Float32[np.ndarray, "s s 4"]
    stored: CropGeometry

    @classmethod
    def of(cls, faces: FaceSet, row: FaceRow, crop: CropGeometry) -> "HeldFace":
        """Read a face and cut it to the network's crop; raise ArtifactRefused if its picture cannot be read."""
        picture = faces.read_crop(row)
        to_crop = faces.geometry.affine_to(crop)
        small = cv2.warpAffine(
            picture, to_crop, (crop.size, crop.size), borderMode=cv2.BORDER_REPLICATE
        )
        mesh, mask = align_mesh(faces.mesh_in_crop(row), to_crop, crop.size)
        return cls(picture, mesh, float32(np.dstack([small, mask])) / 255, faces.geometry)

    @property
    def inside(self) -> Bool[np.ndarray, "s s"]:
        """Where the network's crop shows nothing but the face: the mask's rim is half background."""
        return np.asarray(self.seen[..., 3] == 1, bool)

    def swapped(self, drawn: Float32[np.ndarray, "s s 4"], crop: CropGeometry) -> Rgb:
        """Return the picture with a drawn face put back as conversion does, but not sharpened."""
        picture = self.picture.copy()
        outline = mesh_mask(self.mesh_xy, crop.size, crop.size)
        blend = BlendRow()
        mask = soften(
            np.minimum(to_uint8(drawn[..., 3] * 255), outline), blend.erode, blend.feather
        )
        paste(picture, to_uint8(drawn[..., :3] * 255), mask, self.stored.affine_to(crop))
        return picture


def read_held_out(faces: FaceSet, settings: TrainConfig) -> Sequence[HeldFace]:
    """Read the faces of a set that are not trained on; one that the network's crop hardly shows is left out."""
    crop = network_crop(settings)
    held = (HeldFace.of(faces, row, crop) for row in held_out_rows(faces, settings))
    return [face for face in held if face.inside.any()]


def stack_seen(
    held: Sequence[HeldFace],
) -> tuple[Float32[np.ndarray, "n s s 3"], Float32[np.ndarray, "n s s 1"]]:
    """Return what the network sees of faces: RGB and mask."""
    seen = np.stack([face.seen for face in held])
    return seen[..., :3], seen[..., 3:]
