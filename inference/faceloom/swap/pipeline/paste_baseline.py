"""The paste job: one still of the person laid on every frame. The baseline that a trained swap must beat.

Anybody can make it in a minute, and it is sharp. What it cannot do is move: the face is frozen.
"""

import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import Affine, RgbBatch
from faceloom.errors import UsageError
from faceloom.faces.alignment import CropGeometry, fit_affine
from faceloom.faces.landmarks import CHIN, EXPRESSION, FOREHEAD, LIPS
from faceloom.faceset import FaceRow, FaceSet
from faceloom.hashing import sha256_of_file
from faceloom.progress import ProgressGenerator
from faceloom.provenance import WornFace
from faceloom.swap.bundle.manifest import BlendRow, Precision
from faceloom.swap.pipeline.convert import ConvertOptions, ConvertSummary, convert_with, open_target
from faceloom.swap.sources.face_source import AlignedFaces, Swapped
from faceloom.swap.sources.still_selection import choose_still, look_over

# Side in pixels below which no crop is cut.
_SMALLEST = 32
# What runs is OpenCV, on the processor.
_PROVIDERS = ("auto", "cpu")

Mesh = Float32[np.ndarray, "468 2"]


def convert_by_paste(
    target: Path, identity: Path, out: Path, options: ConvertOptions
) -> ProgressGenerator[ConvertSummary]:
    """Write `target` to `out` with one still of the face set `identity` on its face, as `convert` would.

    The target is read twice: once in part, to choose the still. Raises what `convert` raises, with
    ArtifactRefused if the set is none, has no face, or none that looks where the target's does.
    """
    started = time.monotonic()
    if options.provider not in _PROVIDERS:
        raise UsageError(
            f"A paste runs no network: --provider {options.provider} has no use; leave it out."
        )
    if options.precision != "auto":
        raise UsageError(
            f"A paste runs no network: --precision {options.precision} has no use; leave it out."
        )
    opened = open_target(target, out, options)
    faces = FaceSet.read(identity)
    row = choose_still(faces, (yield from look_over(opened.info)))
    made_by = sha256_of_file(identity / row.image)
    worn = [WornFace(faces.identity, made_by)]
    summary = yield from convert_with(
        partial(PastedStill, faces, row), made_by, worn, opened, options, started
    )
    return replace(summary, still=row.image)


class PastedStill:
    """Lays one still on each face of a target. A `FaceSource`."""

    def __init__(self, faces: FaceSet, row: FaceRow):
        self._face = faces.read_crop(row)
        self._mask = faces.mask_of(row)
        self._mesh_xy = faces.mesh_in_crop(row)
        self._fitted = _still_points(self._mesh_xy)
        self.crop: CropGeometry = _whole_face(faces.geometry)
        self.blend: BlendRow = BlendRow()
        self.provider = _PROVIDERS[1]
        self.precision: Precision | None = None

    def swap_aligned(self, targets: AlignedFaces) -> Swapped:
        """Return the still and its mask, laid on each target by its landmarks."""
        faces, masks = np.zeros_like(targets.crops), np.zeros_like(targets.outlines)
        for number, mesh_xy in enumerate(targets.meshes_xy):
            to_target = fit_affine(self._mesh_xy[self._fitted], mesh_xy[self._fitted])
            faces[number] = self._warp(self._face, to_target, cv2.INTER_CUBIC)
            masks[number] = self._warp(self._mask, to_target, cv2.INTER_LINEAR)
        return Swapped(faces, masks)

    def shown(self, targets: AlignedFaces) -> RgbBatch:
        """Return the targets' crops, of which only the landmarks matter."""
        return targets.crops

    def _warp(self, picture: np.ndarray, to_target: Affine, how: int) -> np.ndarray:
        """The still, or its mask, as it lies in the target's crop."""
        return np.asarray(
            cv2.warpAffine(picture, to_target, (self.crop.size, self.crop.size), flags=how)
        )


def _whole_face(stored: CropGeometry) -> CropGeometry:
    """Return the crop of the face alone that shows it as large as the stored one, which has room around it."""
    return CropGeometry(
        size=max(_SMALLEST, round(stored.size / stored.coverage)),
        coverage=1,
        template=stored.template,
    )


def _still_points(mesh_xy: Mesh) -> Bool[np.ndarray, "468"]:
    """Tell which points stay where they are when a face speaks: those above the lips but for eyes and brows.

    Fitted to the whole mesh, a jaw that opens would stretch the still: five times as much on the sample.
    """
    up = mesh_xy[FOREHEAD] - mesh_xy[CHIN]
    height = mesh_xy @ up
    fitted = np.asarray(height > height[list(LIPS)].max())
    fitted[list(EXPRESSION)] = False
    return fitted
