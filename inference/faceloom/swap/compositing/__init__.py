"""Blend a predicted face into its frame: mask, color transfer, sharpening and pasting.

Works on single crops and frames. Imports `faceloom.swap.options` and the track state of
`faceloom.swap.selection`.
"""

from faceloom.swap.compositing.color_transfer import measure_colors
from faceloom.swap.compositing.face_mask import FacePair, PasteMask, paste_mask
from faceloom.swap.compositing.mask_refinement import erode_and_feather, smooth_mask
from faceloom.swap.compositing.paste_back import paste
from faceloom.swap.compositing.sharpening import mask_interior, sharpen, sharpen_to_match

__all__ = [
    "FacePair",
    "PasteMask",
    "erode_and_feather",
    "mask_interior",
    "measure_colors",
    "paste",
    "paste_mask",
    "sharpen",
    "sharpen_to_match",
    "smooth_mask",
]
