"""Still pictures on disk."""

import re
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from faceloom.array_types import Rgb
from faceloom.atomic import atomic_file
from faceloom.errors import MediaUnreadable, UsageError
from faceloom.safe_read import read_bounded

# Of a picture's file.
_MOST_BYTES = 2**30
_PNG = b"\x89PNG\r\n\x1a\n"
PICTURE_EXTENSIONS = frozenset(".jpg .jpeg .png .bmp .webp .tif .tiff".split())


def natural_sort(files: Iterable[Path]) -> list[Path]:
    """Sort files as people count them: picture 2 before picture 10."""
    return sorted(files, key=_natural)


def _natural(file: Path) -> tuple[list[tuple[int, str]], str]:
    parts = re.split(r"(\d+)", file.name.lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts], file.name


def read_picture(path: Path) -> Rgb:
    """Decode a picture, turned upright by its EXIF tag.

    Raises UsageError if there is no such file, MediaUnreadable if it is no picture.
    """
    if not path.is_file():
        raise UsageError(f"{path} does not exist; check the path.")
    data = read_bounded(path, _MOST_BYTES)
    try:
        whole = data and not _claims_more(data)
        rgb = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if whole else None
    except cv2.error:  # more pixels than it was told to decode (see `faceloom`), and damage that it does not foresee
        rgb = None
    if rgb is None:
        raise MediaUnreadable(
            f"{path} is not a picture that can be decoded; check that it opens in a viewer."
        )
    return rgb.astype(np.uint8, copy=False)


def _claims_more(data: bytes) -> bool:
    """Say whether a chunk of a PNG claims bytes that are not there: OpenCV takes up to 4 GB for them, and fills it."""
    at, kind = len(_PNG), b""
    while data.startswith(_PNG) and kind != b"IEND" and at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        at += 12 + length
    return at > len(data)


def write_png(path: Path, picture: Rgb) -> None:
    """Write a PNG atomically."""
    with atomic_file(path) as part:
        part.write_bytes(encode_picture(picture, ".png"))


def encode_picture(picture: Rgb, extension: str, options: tuple[int, ...] = ()) -> bytes:
    """Return a picture as the bytes of a file with that extension; `options` are OpenCV's IMWRITE flags."""
    encoded, data = cv2.imencode(extension, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    assert encoded, "OpenCV encodes every uint8 picture"
    return data.tobytes()
