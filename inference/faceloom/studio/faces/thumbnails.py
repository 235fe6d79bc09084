"""Thumbnails of crops, the last ones kept in memory."""

import threading
from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np

from faceloom.array_types import Rgb
from faceloom.errors import MediaUnreadable
from faceloom.image_io import read_picture, read_picture_file
from faceloom.reports import encode_jpeg

# Pixels of a thumbnail's side.
THUMBNAIL_SIDE = 128
# Part of the crop's side that a thumbnail shows: the head without its surroundings.
_SHOWN = 0.75
# Bytes of thumbnails that are kept.
_MAX_KEPT_BYTES = 96 * 2**20


class ThumbnailCache:
    """The thumbnails that were made or asked for last, up to a number of bytes. Thread-safe."""

    def __init__(self, max_bytes: int = _MAX_KEPT_BYTES):
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, int, int], bytes] = OrderedDict()
        self._bytes = 0

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
        status = crop.stat() if crop.is_file() else None
        key = (crop, status.st_mtime_ns, status.st_size) if status else (crop, 0, 0)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        thumbnail = make_thumbnail(crop)
        with self._lock:
            self._keep(key, thumbnail)
        return thumbnail

    def _keep(self, key: tuple[Path, int, int], thumbnail: bytes) -> None:
        self._bytes += len(thumbnail) - len(self._kept.get(key, b""))
        self._kept[key] = thumbnail
        while self._bytes > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest)


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
