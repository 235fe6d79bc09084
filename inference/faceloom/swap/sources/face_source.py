"""Where the wanted person's faces come from: a bundle's network, or one still that is pasted."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import MaskBatch, RgbBatch
from faceloom.faces.alignment import CropGeometry
from faceloom.swap.bundle.manifest import BlendRow, Precision


@dataclass(frozen=True, slots=True)
class AlignedFaces:
    """A target's faces, cut as the source wants them; n = 0 is allowed.

    meshes_xy: landmarks in pixels of the crops. outlines: the faces' own, 255 inside.
    """

    crops: RgbBatch
    meshes_xy: Float32[np.ndarray, "n 468 2"]
    outlines: MaskBatch

    def __len__(self) -> int:
        return len(self.crops)


@dataclass(frozen=True, slots=True)
class Swapped:
    """The other person's faces in the place of aligned ones, and how far they reach."""

    faces: RgbBatch
    masks: MaskBatch


@runtime_checkable
class FaceSource(Protocol):
    """Gives the wanted person's face for each face of a target.

    crop: how the target's faces are to be cut. blend: how its faces are put back unless the user
    says otherwise. provider: what it runs on.
    """

    crop: CropGeometry
    blend: BlendRow
    provider: str

    @property
    def precision(self) -> Precision | None:
        """In which numbers a network runs, None where none does."""
        ...

    def shown(self, targets: AlignedFaces) -> RgbBatch:
        """Return what the source looks at of each target."""
        ...

    def swap_aligned(self, targets: AlignedFaces) -> Swapped:
        """Return a face and a mask for each target, in its crop's pixels."""
        ...
