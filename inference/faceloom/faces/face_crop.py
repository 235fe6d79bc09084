"""One face cut from its picture: alignment, crop, landmarks and mask."""

from dataclasses import dataclass

from faceloom.array_types import Affine, Mask, Points, Rgb
from faceloom.faces.alignment import (
    IDENTITY_AFFINE,
    CropGeometry,
    apply_affine,
    compose_affine,
    crop_face,
)
from faceloom.faces.face_finder import Face
from faceloom.faces.mask import mesh_mask


@dataclass(frozen=True, slots=True)
class FaceCrop:
    """The crop of one face, with its landmarks and mask in pixels of the crop."""

    frame_to_crop: Affine
    """Map from pixels of the picture, which may not be square, to pixels of the crop."""
    square_to_crop: Affine
    """Map from the pixels that the face is measured in, which are square, to those of the crop."""
    rgb: Rgb
    """The crop, square."""
    mesh_xy: Points
    """The 468 landmarks in pixels of the crop."""
    mask: Mask
    """Mesh mask of the crop: 255 inside the face, 0 outside."""

    @classmethod
    def from_image(
        cls,
        picture: Rgb,
        face: Face,
        geometry: CropGeometry,
        to_square: Affine = IDENTITY_AFFINE,
    ) -> "FaceCrop":
        """Cut a face out of its picture.

        Args:
            picture: The picture that shows the face.
            face: The face, in square pixels.
            geometry: Size, coverage and template of the crop.
            to_square: Map from pixels of `picture` to square pixels.

        Returns:
            The crop with its landmarks and mesh mask.
        """
        square_to_crop = geometry.frame_to_crop(face.points_xy)
        frame_to_crop = compose_affine(square_to_crop, to_square)
        rgb = crop_face(picture, frame_to_crop, geometry.size)
        mesh = align_mesh(face.landmarks.points_xy, square_to_crop, geometry.size)
        return cls(frame_to_crop, square_to_crop, rgb, *mesh)


def align_mesh(mesh_xy: Points, to_crop: Affine, size: int) -> tuple[Points, Mask]:
    """Map landmarks to a crop and draw their mask there.

    Args:
        mesh_xy: The 468 landmarks in pixels of the picture or crop that `to_crop` maps from.
        to_crop: Map to pixels of the crop.
        size: Side of the crop in pixels.

    Returns:
        The landmarks in pixels of the crop, and the mesh mask of the crop.
    """
    mesh_in_crop = apply_affine(to_crop, mesh_xy)
    return mesh_in_crop, mesh_mask(mesh_in_crop, size, size)
