"""Painted masks: the visible face as a person painted it, which replaces the network's."""

import struct
from pathlib import Path

import cv2
import numpy as np

from faceloom.array_types import Affine, Mask
from faceloom.errors import ArtifactRefused, MediaUnreadable
from faceloom.faces.alignment import affine_scale
from faceloom.faces.parsing.regions import VISIBLE_REGIONS, Region, RegionMap, region_mask
from faceloom.faceset.corrections.correction_files import DELETE_IT
from faceloom.image_io import decode_picture
from faceloom.safe_read import read_bounded

# Bytes of a mask's file beyond one for each pixel.
_EXTRA_BYTES = 65_536
# First bytes of a PNG after its signature: the header chunk with width, height, bits of a channel
# and color type.
_HEADER = struct.Struct(">8xI4sIIBB")
# Mask value above which a pixel is visible.
_VISIBLE = 127


def max_mask_bytes(size: int) -> int:
    """Return the largest file of a mask in bytes.

    Args:
        size: Side of the crop in pixels.
    """
    return size * size + _EXTRA_BYTES


def read_mask(path: Path, size: int) -> Mask:
    """Read a painted mask.

    Args:
        path: The file.
        size: Side of the stored crop in pixels.

    Returns:
        255 where the face is visible, 0 where it is hidden.

    Raises:
        ArtifactRefused: The file is damaged, too large or of another size.
        OSError: The file does not exist or cannot be read.
    """
    return decode_mask(read_bounded(path, max_mask_bytes(size)), path, size)


def decode_mask(data: bytes, path: Path, size: int) -> Mask:
    """Decode a painted mask, of any color type: its red channel counts.

    Args:
        data: Content of the file.
        path: The file, for messages.
        size: Side that the mask must have in pixels.

    Raises:
        ArtifactRefused: It is not an 8-bit PNG of that size.
    """
    try:
        length, kind, width, height, depth, _ = _HEADER.unpack_from(data)
    except struct.error:
        length, kind, width, height, depth = 0, b"", 0, 0, 0
    if (length, kind, width, height, depth) != (13, b"IHDR", size, size, 8):
        raise ArtifactRefused(f"{path} is not an 8-bit PNG of {size} x {size} pixels; {DELETE_IT}.")
    try:
        mask = decode_picture(data, path)[..., 0]
    except MediaUnreadable as error:
        raise ArtifactRefused(f"{path} is damaged; {DELETE_IT}.") from error
    return np.ascontiguousarray(mask)


def encode_mask(mask: Mask) -> bytes:
    """Encode a mask as a gray PNG.

    Args:
        mask: 255 where the face is visible, 0 where it is hidden.
    """
    encoded, data = cv2.imencode(".png", mask)
    assert encoded, "OpenCV encodes every uint8 image"
    return data.tobytes()


def warp_mask(mask: Mask, affine: Affine, size: int) -> Mask:
    """Map a mask to another crop of its face; its edge continues outside.

    Args:
        mask: The mask.
        affine: Map from its pixels to those of the other crop.
        size: Side of the other crop in pixels.
    """
    # Averaging first avoids jagged edges.
    scale = affine_scale(affine)
    if scale < 1 / 2:
        mask = np.asarray(cv2.blur(mask, (round(1 / scale), round(1 / scale))), np.uint8)
    warped = cv2.warpAffine(mask, affine, (size, size), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def paint_regions(regions: RegionMap | None, painted: Mask) -> RegionMap:
    """Correct regions by a painted mask.

    Pixels that are painted as visible become skin if the network did not find the face there;
    pixels that are painted as hidden become an occluder if it did.

    Args:
        regions: The regions of a crop; None, if they are not plausible, counts as skin.
        painted: The painted mask of the same crop, 128 pixels square.

    Returns:
        The corrected regions.
    """
    corrected = np.zeros((*painted.shape, len(Region)), np.uint8) if regions is None else regions
    if regions is None:
        corrected[..., Region.SKIN] = 255
    corrected = corrected.copy()
    visible = painted > _VISIBLE
    seen = region_mask(corrected, VISIBLE_REGIONS, len(painted)) > _VISIBLE
    for pixels, region in ((visible & ~seen, Region.SKIN), (~visible & seen, Region.OCCLUDER)):
        corrected[pixels] = 0
        corrected[pixels, region] = 255
    return corrected
