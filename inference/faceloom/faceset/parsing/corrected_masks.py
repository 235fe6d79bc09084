"""Apply painted masks to the masks and regions of a face set's faces.

Every reader of the masks or regions of a face set calls one of these functions.
"""

import numpy as np

from faceloom.array_types import Mask
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.parsing.regions import PARSING_SIDE, RegionMap
from faceloom.faceset.corrections.painted_masks import paint_regions
from faceloom.faceset.schema import FaceRow
from faceloom.faceset.store import FaceSet


def corrected_mask(
    faces: FaceSet, row: FaceRow, mask: Mask, mesh_mask: Mask, geometry: CropGeometry
) -> Mask:
    """Return the mask of a face: the painted one if there is one.

    Args:
        faces: The face set.
        row: The face.
        mask: The mask to return if none was painted, in a crop.
        mesh_mask: Its mesh mask in the crop, which limits the painted mask.
        geometry: Geometry of the crop.

    Raises:
        ArtifactRefused: The painted mask is damaged.
    """
    painted = faces.painted_mask(row, geometry)
    return mask if painted is None else np.minimum(mesh_mask, painted)


def stored_face_mask(faces: FaceSet, row: FaceRow) -> Mask:
    """Return the mask of a face in its stored crop: its mesh mask, limited to the painted mask.

    Args:
        faces: The face set.
        row: The face.

    Raises:
        ArtifactRefused: The painted mask is damaged.
    """
    mesh_mask = faces.mask_in_crop(row)
    return corrected_mask(faces, row, mesh_mask, mesh_mask, faces.geometry)


def corrected_regions(
    faces: FaceSet, row: FaceRow, regions: RegionMap | None, geometry: CropGeometry
) -> RegionMap | None:
    """Return the regions of a face, corrected by its painted mask if there is one.

    Args:
        faces: The face set.
        row: The face.
        regions: The face parsing network's regions of a crop; None if they are not plausible.
        geometry: Geometry of the crop.

    Raises:
        ArtifactRefused: The painted mask is damaged.
    """
    at_parsing_size = geometry.model_copy(update={"size": PARSING_SIDE})
    painted = faces.painted_mask(row, at_parsing_size)
    return regions if painted is None else paint_regions(regions, painted)
