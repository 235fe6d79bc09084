"""The paste job: one still of the person laid on every frame. The baseline that a trained swap must beat.

Anybody can make it in a minute, and it is sharp. What it cannot do is move: the face is frozen.
"""

import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from faceloom.arrays import Affine
from faceloom.errors import UsageError
from faceloom.faces.align import CropGeometry, fit_affine
from faceloom.faces.landmarks import CHIN, EXPRESSION, FOREHEAD, LIPS
from faceloom.faceset import FaceRow, FaceSet
from faceloom.progress import Work
from faceloom.swap.convert import ConvertOptions, ConvertSummary, convert_with, probe_target
from faceloom.swap.manifest import BlendRow
from faceloom.swap.source import AlignedFaces, Swapped
from faceloom.swap.still import choose_still, look_over

# Shares of a face set's wide crop: as many pixels as a bundle's own shares of its narrower one.
_BLEND = BlendRow(colour="lab", erode=0.025, feather=0.025)
# What runs is OpenCV, on the processor.
_PROVIDERS = ("auto", "cpu")

Mesh = Float32[np.ndarray, "468 2"]


def convert_by_paste(target: Path, identity: Path, out: Path, options: ConvertOptions) -> Work[ConvertSummary]:
    """Write `target` to `out` with one still of the face set `identity` on its face, as `convert` would.

    The target is read twice: once in part, to choose the still. Raises what `convert` raises, with
    ArtefactRefused if the set is none, has no face, or none that looks where the target's does.
    """
    started = time.monotonic()
    if options.provider not in _PROVIDERS:
        raise UsageError(f"A paste runs no network: --provider {options.provider} has no use; leave it out.")
    info = probe_target(target, out, options)
    faces = FaceSet.read(identity)
    row = choose_still(faces, (yield from look_over(info)))
    summary = yield from convert_with(PastedStill(faces, row), info, out, options, started)
    return replace(summary, still=row.image)


class PastedStill:
    """Lays one still on each face of a target. A `FaceSource`."""

    def __init__(self, faces: FaceSet, row: FaceRow):
        self._face = faces.read_crop(row)
        self._mask = faces.mask_of(row)
        self._mesh_xy = faces.mesh_in_crop(row)
        self._fitted = _still_points(self._mesh_xy)
        self.crop: CropGeometry = faces.geometry
        self.blend: BlendRow = _BLEND
        self.provider = _PROVIDERS[1]

    def swap_aligned(self, targets: AlignedFaces) -> Swapped:
        """Return the still and its mask, laid on each target by its landmarks."""
        faces, masks = np.zeros_like(targets.crops), np.zeros_like(targets.outlines)
        size_wh = self.crop.size, self.crop.size
        for number, mesh_xy in enumerate(targets.meshes_xy):
            to_target = self._lay_on(mesh_xy)
            faces[number] = cv2.warpAffine(
                self._face, to_target, size_wh, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
            )
            masks[number] = cv2.warpAffine(self._mask, to_target, size_wh, flags=cv2.INTER_LINEAR)
        return Swapped(faces, masks)

    def _lay_on(self, mesh_xy: Mesh) -> Affine:
        """Return the affine map from the still to a target's face, fitted where neither of them moves."""
        return fit_affine(self._mesh_xy[self._fitted], mesh_xy[self._fitted])


def _still_points(mesh_xy: Mesh) -> Bool[np.ndarray, "468"]:
    """Tell which points stay where they are when a face speaks: those above the lips but for eyes and brows.

    Fitted to the whole mesh, a jaw that opens would stretch the still: five times as much on the sample.
    """
    up = mesh_xy[FOREHEAD] - mesh_xy[CHIN]
    height = mesh_xy @ up
    fitted = height > height[list(LIPS)].max()
    fitted[list(EXPRESSION)] = False
    return fitted
