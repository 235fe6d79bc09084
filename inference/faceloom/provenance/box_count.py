"""Limit the boxes of an MP4 or QuickTime file that C2PA validates.

c2pa-python 0.38 takes time quadratic in the number of boxes: 1.6 s of a core for 10,000, minutes
for 100,000, which fit into a file of 800 kB.
"""

import io
import struct

# Most boxes of a file that is validated. A film has a few hundred, a fragmented recording about
# eight for each fragment.
MAX_BOXES = 10_000
# Boxes that contain boxes, with the number of bytes before the first one.
_CONTAINERS = dict.fromkeys(
    (
        b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta", b"tref",
        b"mvex", b"moof", b"traf", b"mfra", b"schi",
    ),
    0,
) | {b"meta": 4}  # fmt: skip
# Length and kind of a box; if the length is 1, the `_LONG_LENGTH` that follows counts.
_HEADER = struct.Struct(">I4s")
_LONG_LENGTH = struct.Struct(">Q")


def has_too_many_boxes(file: io.BufferedIOBase) -> bool:
    """Return whether a file has more than `MAX_BOXES` boxes; False for one of another format.

    Args:
        file: The open file; its position is kept.
    """
    position = file.tell()
    try:
        return _count_boxes(file, file.seek(0, io.SEEK_END)) > MAX_BOXES
    finally:
        file.seek(position)


def _count_boxes(file: io.BufferedIOBase, size: int) -> int:
    """Count boxes at all levels, until there are too many."""
    file.seek(4)
    if file.read(4) != b"ftyp":
        return 0
    count, ranges = 0, [(0, size)]
    while ranges and count <= MAX_BOXES:
        start, end = ranges.pop()
        file.seek(start)
        header = file.read(_HEADER.size + _LONG_LENGTH.size)
        if len(header) < _HEADER.size:
            continue
        length, kind = _HEADER.unpack_from(header)
        content = start + _HEADER.size
        if length == 1 and len(header) == _HEADER.size + _LONG_LENGTH.size:
            (length,) = _LONG_LENGTH.unpack_from(header, _HEADER.size)
            content += _LONG_LENGTH.size
        after = start + length if length else end
        if start + _HEADER.size <= after < end:
            ranges.append((after, end))
        if kind in _CONTAINERS and content < after:
            ranges.append((content + _CONTAINERS[kind], min(after, end)))
        count += 1
    return count
