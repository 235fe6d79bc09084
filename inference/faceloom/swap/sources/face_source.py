"""The interface of everything that supplies the source's face: a bundle's network, or a still."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Mask, MaskBatch, RgbBatch
from faceloom.choices import FaceMaskKind, Precision
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.face_crop import FaceCrop
from faceloom.swap.bundle.manifest import BlendRow


@dataclass(frozen=True, slots=True)
class CropBatch:
    """Crops of a target's faces, all in the geometry of one source; n = 0 is allowed."""

    crops: RgbBatch
    """The crops, [n, s, s, 3]."""
    meshes_xy: Float32[np.ndarray, "n 468 2"]
    """The landmarks in pixels of the crops."""
    face_masks: MaskBatch
    """Where each crop shows the face, as the source learned it, [n, s, s]: 255 inside."""

    def __len__(self) -> int:
        return len(self.crops)

    @classmethod
    def from_crops(
        cls, crops: Sequence[FaceCrop], size: int, face_masks: Sequence[Mask]
    ) -> "CropBatch":
        """Stack crops.

        Args:
            crops: crops of one size; none gives an empty batch.
            size: their side in pixels.
            face_masks: where each crop shows the face, [s, s].

        Returns:
            One batch in the same order.
        """
        batch = cls(
            np.zeros((len(crops), size, size, 3), np.uint8),
            np.zeros((len(crops), 468, 2), np.float32),
            np.zeros((len(crops), size, size), np.uint8),
        )
        for index, (crop, mask) in enumerate(zip(crops, face_masks, strict=True)):
            batch.crops[index] = crop.rgb
            batch.meshes_xy[index] = crop.mesh_xy
            batch.face_masks[index] = mask
        return batch


@dataclass(frozen=True, slots=True)
class Predictions:
    """The source's face for each crop of a batch."""

    faces: RgbBatch
    """The faces, [n, s, s, 3]."""
    masks: MaskBatch
    """Where each face covers its crop, [n, s, s]: 255 where it does."""


@runtime_checkable
class FaceSource(Protocol):
    """Supplies the source's face for each face of a target."""

    crop: CropGeometry
    """The crop that the source takes and gives."""
    blend: BlendRow
    """How its faces are blended unless the user's options say otherwise."""
    provider: str
    """What it runs on, a key of `PROVIDERS`."""
    face_mask: FaceMaskKind
    """How the masks of `CropBatch` and `Predictions` are made."""

    @property
    def precision(self) -> Precision | None:
        """The number format of its network; None without a network."""
        ...

    def network_input(self, batch: CropBatch) -> RgbBatch:
        """Return the pictures that the source works on.

        Args:
            batch: crops of the target's faces.

        Returns:
            [n, s, s, 3].
        """
        ...

    def predict(self, batch: CropBatch) -> Predictions:
        """Return a face and a mask for each crop.

        Args:
            batch: crops of the target's faces.

        Returns:
            One prediction for each crop, in its pixels.
        """
        ...
