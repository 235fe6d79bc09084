"""How much of the faces of a face set hair, glasses and other things hide."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from faceloom.array_types import Mask, Points, Rgb
from faceloom.batches import batched
from faceloom.faces.landmarks import BROWS
from faceloom.faces.parsing.face_parser import FaceParser
from faceloom.faces.parsing.occlusion import occluded_share
from faceloom.faces.parsing.regions import (
    PARSING_SIDE,
    Region,
    RegionMap,
    share_of_mask,
)
from faceloom.faceset.parsing.corrected_masks import corrected_regions
from faceloom.faceset.schema import FaceRow
from faceloom.faceset.store import FaceSet
from faceloom.progress import Progress, ProgressGenerator

# Faces that are parsed at once.
_BATCH = 16


@dataclass(frozen=True, slots=True)
class RegionShares:
    """What hides a face; each 0 to 1, and 0 if the face parsing network sees no face."""

    occluded: float = 0.0
    """Share of the face that hands, clothes or other things hide."""
    fringe: float = 0.0
    """Share of the forehead that hair covers."""
    glasses: float = 0.0
    """Share of the face that frames and dark lenses of glasses cover."""

    @classmethod
    def of(cls, regions: RegionMap | None, mesh_mask: Mask, mesh_xy: Points) -> "RegionShares":
        """Measure a face.

        Args:
            regions: The regions of a crop; None if they are not plausible.
            mesh_mask: The mesh mask of the same crop.
            mesh_xy: The 468 landmarks in pixels of the crop.
        """
        if regions is None:
            return cls()
        return cls(
            occluded_share(regions, mesh_mask),
            share_of_mask(regions, (Region.HAIR,), _forehead(mesh_mask, mesh_xy)),
            share_of_mask(regions, (Region.GLASSES,), mesh_mask),
        )


def measure_regions(
    faces: FaceSet, rows: Sequence[FaceRow]
) -> ProgressGenerator[list[RegionShares]]:
    """Parse faces and measure what hides them.

    Args:
        faces: The face set.
        rows: Its faces to measure.

    Yields:
        Progress.

    Returns:
        The shares of each row.

    Raises:
        ArtifactRefused: A crop has another size.
        MediaUnreadable: A crop is damaged.
    """
    parser, shares = FaceParser(), list[RegionShares]()

    def read(row: FaceRow) -> tuple[Rgb, Mask, Points]:
        return _at_parsing_size(faces, row)

    with ThreadPoolExecutor() as pool:
        for batch in batched(rows, _BATCH):
            crops, masks, meshes = zip(*pool.map(read, batch), strict=True)
            parsed = [
                corrected_regions(faces, row, regions, faces.geometry)
                for row, regions in zip(batch, parser.parse_faces(crops, masks), strict=True)
            ]
            shares += [RegionShares.of(*face) for face in zip(parsed, masks, meshes, strict=True)]
            yield Progress(f"parse {faces.identity}", len(shares), len(rows))
    return shares


def _at_parsing_size(faces: FaceSet, row: FaceRow) -> tuple[Rgb, Mask, Points]:
    """Return a face's crop, mesh mask and landmarks at the size of the network's input."""
    size, scale = (PARSING_SIDE, PARSING_SIDE), PARSING_SIDE / faces.geometry.size
    crop, mask = (
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        for picture in (faces.read_crop(row), faces.mask_in_crop(row))
    )
    # Pixel centers are at integers.
    mesh = (faces.mesh_in_crop(row) + 0.5) * scale - 0.5
    return np.asarray(crop), np.asarray(mask), np.asarray(mesh, np.float32)


def _forehead(mesh_mask: Mask, mesh_xy: Points) -> Mask:
    """Return the part of a mesh mask that is above the brows."""
    forehead = mesh_mask.copy()
    forehead[max(0, round(float(mesh_xy[list(BROWS), 1].min()))) :] = 0
    return forehead
