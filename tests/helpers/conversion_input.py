"""What a network sees of a stored crop in conversion."""

from pathlib import Path

import numpy as np
from tests.helpers.bundles import make_bundle

from faceloom.array_types import Rgb
from faceloom.choices import FaceMaskKind
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.face_crop import FaceCrop
from faceloom.faces.face_finder import Face
from faceloom.faces.landmarks import Landmarks
from faceloom.faceset import FaceRow, FaceSet
from faceloom.swap import Bundle, SwapNetwork, SwapOptions
from faceloom.swap.pipeline.face_blending import AlignedFace
from faceloom.swap.pipeline.frame_swapper import FrameSwapper


def conversion_input(
    folder: Path, crop: CropGeometry, face_mask: FaceMaskKind, faces: FaceSet, row: FaceRow
) -> Rgb:
    """Convert a stored crop as if it were a frame, with a bundle of these settings.

    Args:
        folder: A new folder, for the bundle.
        crop: The bundle's crop.
        face_mask: The bundle's masks.
        faces: The face set.
        row: The face.

    Returns:
        The network's input.
    """
    make_bundle(folder, crop=crop, mask_background=True, face_mask=face_mask)
    network = SwapNetwork.open(Bundle.read(folder), "cpu")
    mesh = faces.mesh_in_crop(row)
    landmarks = Landmarks(np.concatenate([mesh, np.zeros_like(mesh[:, :1])], 1), 1.0)
    found = Face(landmarks.box_xyxy(), 1.0, landmarks, faces.geometry.template_xy(), 0)
    aligned = AlignedFace(found, 0, FaceCrop.from_image(faces.read_crop(row), found, crop))
    return FrameSwapper([network], SwapOptions()).network_input(aligned)
