"""The interface of everything that supplies the source's face: a bundle's network, or a still."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import MaskBatch, RgbBatch
from faceloom.choices import Precision
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
    mesh_masks: MaskBatch
    """The mesh masks, [n, s, s]: 255 inside the face."""

    def __len__(self) -> int:
        return len(self.crops)

    @classmethod
    def from_crops(cls, crops: Sequence[FaceCrop], size: int) -> "CropBatch":
        """Stack crops.

        Args:
            crops: crops of one size; none gives an empty batch.
            size: their side in pixels.

        Returns:
            One batch in the same order.
        """
        batch = cls(
            np.zeros((len(crops), size, size, 3), np.uint8),
            np.zeros((len(crops), 468, 2), np.float32),
            np.zeros((len(crops), size, size), np.uint8),
        )
        for index, crop in enumerate(crops):
            batch.crops[index] = crop.rgb
            batch.meshes_xy[index] = crop.mesh_xy
            batch.mesh_masks[index] = crop.mask
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
