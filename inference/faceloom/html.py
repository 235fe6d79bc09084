"""What self-contained pages are made of."""

import base64

import cv2

from faceloom.array_types import Rgb
from faceloom.image_io import encode_picture

_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 82)


def svg(width: float, height: float, inside: str) -> str:
    """Return a drawing of that many pixels."""
    return f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img">{inside}</svg>'


def page_jpeg(picture: Rgb) -> bytes:
    """Return a picture as the bytes of a JPEG: small, and good to look at."""
    return encode_picture(picture, ".jpg", _JPEG)


def data_url(jpeg: bytes) -> str:
    """Return a JPEG inside a URL."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
