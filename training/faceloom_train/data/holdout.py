"""Validation faces: the faces of a run that are not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import Points, Rgb, float32, to_uint8
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.face_crop import align_mesh
from faceloom.faces.mask import mesh_mask
from faceloom.faces.parsing.face_parser import FaceParser
from faceloom.faces.parsing.regions import RegionMap, visible_mask
from faceloom.faceset import FaceRow, FaceSet
from faceloom.faceset.parsing.corrected_masks import corrected_mask, corrected_regions
from faceloom.swap.bundle.manifest import BlendRow
from faceloom.swap.compositing.face_mask import FacePair, paste_mask
from faceloom.swap.compositing.paste_back import paste
from faceloom.swap.options import BlendSettings, SwapOptions
from faceloom_train.config.schema import TrainConfig
from faceloom_train.data.dataset import network_crop, validation_rows

# How faces are pasted: as conversion does by default.
_BLEND = BlendSettings.from_options(BlendRow(), SwapOptions())


@dataclass(frozen=True, slots=True)
class ValidationFace:
    """A stored crop of a face set, and the network's crop of it."""

    image: Rgb
    """The stored crop."""
    mesh_xy: Points
    """Landmarks in pixels of the network's crop."""
    rgb_mask: Float32[np.ndarray, "s s 4"]
    """The network's crop: RGB and face mask, 0 to 1."""
    geometry: CropGeometry
    """Geometry of the stored crop."""
    regions: RegionMap | None = None
    """The regions of the network's crop; None if faces are masked by their mesh, or if they are
    not plausible."""

    @classmethod
    def from_row(
        cls, faces: FaceSet, row: FaceRow, crop: CropGeometry, parser: FaceParser | None = None
    ) -> "ValidationFace":
        """Read a face.

        Args:
            faces: The face set.
            row: The face's row.
            crop: Geometry of the network's crop.
            parser: Finds the visible face; None: the face mask is the mesh mask.

        Raises:
            ArtifactRefused: The stored crop cannot be read.
        """
        image = faces.read_crop(row)
        to_crop = faces.geometry.affine_to(crop)
        rgb = cv2.warpAffine(
            image, to_crop, (crop.size, crop.size), borderMode=cv2.BORDER_REPLICATE
        )
        mesh, outline = align_mesh(faces.mesh_in_crop(row), to_crop, crop.size)
        regions = None
        if parser:
            (parsed,) = parser.parse_faces([rgb], [outline])
            regions = corrected_regions(faces, row, parsed, crop)
        mask = corrected_mask(faces, row, visible_mask(outline, regions), outline, crop)
        return cls(image, mesh, float32(np.dstack([rgb, mask])) / 255, faces.geometry, regions)

    @property
    def face_mask(self) -> Bool[np.ndarray, "s s"]:
        """Where the network's crop shows only the face; the mask's edge is half background."""
        return np.asarray(self.rgb_mask[..., 3] == 1, bool)

    def paste(self, prediction: Float32[np.ndarray, "s s 4"], crop: CropGeometry) -> Rgb:
        """Paste a prediction into the stored crop as conversion does, but without sharpening.

        Args:
            prediction: RGB and mask, about 0 to 1.
            crop: Geometry of the prediction.
        """
        image = self.image.copy()
        outline = mesh_mask(self.mesh_xy, crop.size, crop.size)
        masks = FacePair(outline, to_uint8(prediction[..., 3] * 255), self.regions)
        mask = paste_mask(masks, _BLEND, {}).blended
        paste(image, to_uint8(prediction[..., :3] * 255), mask, self.geometry.affine_to(crop))
        return image


def load_validation_faces(faces: FaceSet, config: TrainConfig) -> Sequence[ValidationFace]:
    """Read the validation faces of a set, without those that the network's crop hardly shows.

    Args:
        faces: The face set.
        config: The run's configuration.

    Raises:
        ArtifactRefused: A stored crop cannot be read.
    """
    crop = network_crop(config)
    parser = FaceParser() if config.face_mask == "regions" else None
    rows = validation_rows(faces, config)
    loaded = (ValidationFace.from_row(faces, row, crop, parser) for row in rows)
    return [face for face in loaded if face.face_mask.any()]


def stack_crops(
    faces: Sequence[ValidationFace],
) -> tuple[Float32[np.ndarray, "n s s 3"], Float32[np.ndarray, "n s s 1"]]:
    """Return the RGB and the masks of the network's crops.

    Args:
        faces: One face or more.
    """
    stacked = np.stack([face.rgb_mask for face in faces])
    return stacked[..., :3], stacked[..., 3:]
