"""Read one text of a PNG file without reading the picture."""

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Far above any note on a face (landmarks, masks and an embedding take about 100 kB) and harmless to hold.
MAX_TEXT = 2 * 2**20
# Before the picture; of more, the rest is not looked at.
_MOST_CHUNKS = 10_000


class PngTextError(Exception):
    """The text is there and is damaged, or larger than any that is meant well."""


def read_png_text(path: Path, keyword: str) -> str | None:
    """Return the international text (iTXt) of `keyword` that stands before the picture's data.

    None if there is none, or the file is no PNG. Raises PngTextDamaged if the chunk is cut short, fails its
    checksum, is no UTF-8, or holds more than MAX_TEXT bytes, unpacked or not; never more than that is held.
    """
    with path.open("rb") as file:
        if file.read(len(_SIGNATURE)) != _SIGNATURE:
            return None
        for _ in range(_MOST_CHUNKS):
            if len(head := file.read(8)) < 8:
                return None
            length, kind = struct.unpack(">I4s", head)
            if kind in (b"IDAT", b"IEND"):
                return None
            if kind == b"iTXt":
                text = _read_chunk(file, length, keyword.encode("latin-1"))
                if text is not None:
                    return text
            else:
                file.seek(length + 4, 1)
    return None


def _read_chunk(file: BinaryIO, length: int, keyword: bytes) -> str | None:
    """Return the text of the chunk whose data begin here if it has this keyword; leave the file at the next chunk."""
    data = file.read(min(length, MAX_TEXT))
    if data.split(b"\0", 1)[0] != keyword:
        file.seek(length - len(data) + 4, 1)
        return None
    checksum = file.read(4)
    if length > MAX_TEXT:
        raise PngTextError(f"it claims {length} bytes")
    if len(data) < length or checksum != struct.pack(">I", zlib.crc32(b"iTXt" + data)):
        raise PngTextError("its checksum is wrong")
    return _decode(data[len(keyword) + 1 :])


def _decode(data: bytes) -> str:
    """Take the text from behind the flags, the language and the translated keyword (PNG, section 11.3.3.4)."""
    flags, (_language, _, rest) = data[:2], data[2:].partition(b"\0")
    _translated, end, text = rest.partition(b"\0")
    if len(flags) < 2 or not end or flags[0] > 1 or flags[1] != 0:
        raise PngTextError("its fields are cut short")
    try:
        return (_unpack(text) if flags[0] else text).decode("utf-8")
    except UnicodeDecodeError as error:
        raise PngTextError("it is no UTF-8") from error


def _unpack(packed: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(packed, MAX_TEXT)
    except zlib.error as error:
        raise PngTextError(f"it cannot be unpacked ({error})") from error
    if not stream.eof:
        raise PngTextError(f"it is cut short or unpacks to more than {MAX_TEXT} bytes")
    return text
