"""How much a crop is worth for training."""

import cv2

from faceloom.arrays import Mask, Rgb
from faceloom.colours import luma
from faceloom.documents import Strict


class Quality(Strict):
    """sharpness: fine detail in the face against its contrast, 0 (flat) and up; exposure: mean luma, 0..1."""

    sharpness: float
    exposure: float


def crop_quality(crop: Rgb, mask: Mask) -> Quality:
    """Judge the masked region of a crop.

    Sharpness is the Laplacian's spread divided by the luma's own, so that a dim face does
    not count as a blurred one.
    """
    grey = luma(crop)
    inside = mask > 127
    if not inside.any():
        return Quality(sharpness=0.0, exposure=0.0)
    detail = cv2.Laplacian(grey, cv2.CV_32F)[inside].std()
    contrast = grey[inside].std()
    return Quality(sharpness=float(detail / max(contrast, 1e-3)), exposure=float(grey[inside].mean()))
