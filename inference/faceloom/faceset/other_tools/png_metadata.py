"""Read a text chunk of a PNG without decoding the image."""

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

# First bytes of a PNG.
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Largest text in bytes; the metadata of a face (landmarks, masks, an embedding) has about 100 kB.
MAX_TEXT_BYTES = 2 * 2**20
# Chunks that are searched, at most.
_MAX_CHUNKS = 10_000


class PngTextError(Exception):
    """The text chunk is damaged or too large."""


def read_png_text(path: Path, keyword: str) -> str | None:
    """Read an international text chunk (iTXt) that precedes the image data.

    Args:
        path: The file.
        keyword: The chunk's keyword.

    Returns:
        The text; None if there is no such chunk, or the file is not a PNG.

    Raises:
        PngTextError: The chunk is truncated, has a wrong checksum, is not UTF-8, or has more than
            MAX_TEXT_BYTES bytes, compressed or not.
    """
    with path.open("rb") as file:
        if file.read(len(_SIGNATURE)) != _SIGNATURE:
            return None
        for _ in range(_MAX_CHUNKS):
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
    """Return the text of the next chunk if it has the keyword, and skip the chunk."""
    data = file.read(min(length, MAX_TEXT_BYTES))
    if data.split(b"\0", 1)[0] != keyword:
        file.seek(length - len(data) + 4, 1)
        return None
    checksum = file.read(4)
    if length > MAX_TEXT_BYTES:
        raise PngTextError(f"it declares {length} bytes")
    if len(data) < length or checksum != struct.pack(">I", zlib.crc32(b"iTXt" + data)):
        raise PngTextError("its checksum is wrong")
    return _decode(data[len(keyword) + 1 :])


def _decode(data: bytes) -> str:
    """Return the text after flags, language and translated keyword (PNG, section 11.3.3.4)."""
    flags, (_language, _, rest) = data[:2], data[2:].partition(b"\0")
    _translated, end, text = rest.partition(b"\0")
    if len(flags) < 2 or not end or flags[0] > 1 or flags[1] != 0:
        raise PngTextError("its fields are truncated")
    try:
        return (_decompress(text) if flags[0] else text).decode("utf-8")
    except UnicodeDecodeError as error:
        raise PngTextError("it is not UTF-8") from error


def _decompress(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(data, MAX_TEXT_BYTES)
    except zlib.error as error:
        raise PngTextError(f"it cannot be decompressed ({error})") from error
    if not stream.eof:
        raise PngTextError(f"it is truncated or decompresses to more than {MAX_TEXT_BYTES} bytes")
    return text
