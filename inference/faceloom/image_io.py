"""Images on disk."""

import re
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from faceloom.array_types import Rgb
from faceloom.atomic import atomic_file
from faceloom.errors import MediaUnreadable, UsageError
from faceloom.safe_read import read_bounded

# Largest image file that is read, in bytes.
_MAX_BYTES = 2**30
# Signature of PNG files.
_PNG = b"\x89PNG\r\n\x1a\n"
PICTURE_EXTENSIONS = frozenset(".jpg .jpeg .png .bmp .webp .tif .tiff".split())


def natural_sort(files: Iterable[Path]) -> list[Path]:
    """Sort files by name with numbers in numeric order: image 2 before image 10.

    Args:
        files: The files.
    """
    return sorted(files, key=_natural)


def _natural(file: Path) -> tuple[list[tuple[int, str]], str]:
    parts = re.split(r"(\d+)", file.name.lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts], file.name


def read_picture(path: Path) -> Rgb:
    """Decode an image, rotated by its EXIF orientation.

    Args:
        path: The image file.

    Returns:
        8-bit RGB.

    Raises:
        UsageError: The file does not exist.
        MediaUnreadable: The file is damaged or not an image.
    """
    if not path.is_file():
        raise UsageError(f"{path} does not exist; check the path.")
    data = read_bounded(path, _MAX_BYTES)
    try:
        complete = data and not _declares_too_much(data)
        rgb = (
            cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if complete else None
        )
    # More pixels than the limit that `faceloom` sets, or unexpected damage.
    except cv2.error:
        rgb = None
    if rgb is None:
        raise MediaUnreadable(
            f"{path} is not an image that can be decoded; check that it opens in a viewer."
        )
    return rgb.astype(np.uint8, copy=False)


def _declares_too_much(data: bytes) -> bool:
    """Return whether a PNG chunk declares more bytes than the file has.

    OpenCV allocates and fills up to 4 GB for such a chunk.
    """
    at, kind = len(_PNG), b""
    while data.startswith(_PNG) and kind != b"IEND" and at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        at += 12 + length
    return at > len(data)


def write_png(path: Path, picture: Rgb) -> None:
    """Write a PNG atomically.

    Args:
        path: The file to write.
        picture: 8-bit RGB.
    """
    with atomic_file(path) as part:
        part.write_bytes(encode_picture(picture, ".png"))


def encode_picture(picture: Rgb, extension: str, options: tuple[int, ...] = ()) -> bytes:
    """Encode an image.

    Args:
        picture: 8-bit RGB.
        extension: Selects the format, for example ".png".
        options: OpenCV's IMWRITE flags and their values.

    Returns:
        The content of the image file.
    """
    encoded, data = cv2.imencode(extension, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    assert encoded, "OpenCV encodes every uint8 image"
    return data.tobytes()
