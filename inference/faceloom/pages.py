"""What self-contained pages are made of."""

import base64

import cv2

from faceloom.arrays import Rgb
from faceloom.pictures import encode

_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 82)


def svg(width: float, height: float, inside: str) -> str:
    """Return a drawing of that many pixels."""
    return f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img">{inside}</svg>'


def data_url(picture: Rgb) -> str:
    """Return a picture as a JPEG inside a URL."""
    return "data:image/jpeg;base64," + base64.b64encode(encode(picture, ".jpg", _JPEG)).decode()
