"""Thumbnails of crops, the last ones kept in memory."""

from pathlib import Path

import cv2
import numpy as np

from faceloom.array_types import Rgb
from faceloom.errors import MediaUnreadable
from faceloom.image_io import read_picture, read_picture_file
from faceloom.project.step import file_signature
from faceloom.reports import encode_jpeg
from faceloom.studio.lru_cache import LruCache

# Pixels of a thumbnail's side.
THUMBNAIL_SIDE = 128
# Part of the crop's side that a thumbnail shows: the head without its surroundings.
_SHOWN = 0.75
# Bytes of thumbnails that are kept.
_MAX_KEPT_BYTES = 96 * 2**20


class ThumbnailCache:
    """The thumbnails that were made or asked for last, up to a number of bytes. Thread-safe."""

    def __init__(self, max_bytes: int = _MAX_KEPT_BYTES):
        self._kept: LruCache[bytes] = LruCache(max_bytes, len)

    def get(self, crop: Path) -> bytes:
        """Return the thumbnail of a crop.

        Args:
            crop: The crop's JPEG file.

        Returns:
            A JPEG file of THUMBNAIL_SIDE pixels square.

        Raises:
            UsageError: The crop does not exist.
            MediaUnreadable: The crop is damaged.
        """
        key = crop, file_signature(crop)
        return self._kept.get_or_make(key, lambda: make_thumbnail(crop))


def make_thumbnail(crop: Path) -> bytes:
    """Shrink the middle of a crop.

    Args:
        crop: The crop's JPEG file.

    Returns:
        A JPEG file of THUMBNAIL_SIDE pixels square.

    Raises:
        UsageError: The crop does not exist.
        MediaUnreadable: The crop is damaged.
    """
    picture = _read_small(crop)
    height, width = picture.shape[:2]
    side = max(1, round(min(height, width) * _SHOWN))
    top, left = (height - side) // 2, (width - side) // 2
    middle = picture[top : top + side, left : left + side]
    size = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    return encode_jpeg(np.asarray(cv2.resize(middle, size, interpolation=cv2.INTER_AREA), np.uint8))


def _read_small(crop: Path) -> Rgb:
    """Decode a crop at half its size, which takes a third of the time, if that is large enough."""
    data = np.frombuffer(read_picture_file(crop), np.uint8)
    try:
        half = cv2.imdecode(data, cv2.IMREAD_REDUCED_COLOR_2)
    except cv2.error as error:
        raise MediaUnreadable(f"{crop} cannot be decoded; delete it to reject the face.") from error
    if half is None or min(half.shape[:2]) * _SHOWN < THUMBNAIL_SIDE:
        return read_picture(crop)
    return np.asarray(cv2.cvtColor(half, cv2.COLOR_BGR2RGB), np.uint8)
