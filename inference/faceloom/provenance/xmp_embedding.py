"""Embed the disclosure mark in finished files.

XMP goes where ISO 16684-3 defines: an iTXt chunk (PNG), an APP1 segment (JPEG), a RIFF chunk
(WebP), an application extension (GIF) or a uuid box (MP4).
"""

import mmap
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from faceloom.errors import MediaUnreadable

# UUID of XMP in an MP4's uuid box.
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
# Signature of XMP in a JPEG's APP1 segment.
_JPEG_XMP_SIGNATURE = b"http://ns.adobe.com/xap/1.0/\0"
# Most bytes of a JPEG segment's content; its length field has 16 bits and counts itself.
_JPEG_MAX_SEGMENT = 65533
# The "magic trailer" of XMP in a GIF. A reader skips blocks by their length byte: wherever it
# lands after the packet, these bytes lead it to the end.
_GIF_XMP_TRAILER = bytes([1, *range(255, -1, -1), 0])
# Start of an XMP packet's header and trailer.
_PACKET_HEADER = b"<?xpacket begin="
_PACKET_TRAILER = b"<?xpacket end="
# Most bytes of a packet that is read; real ones have a few kB.
_MAX_PACKET = 1 << 20


def embed_mark(part: Path, suffix: str, packet: bytes, sentence: str) -> None:
    """Embed an XMP packet in a video or image, and a sentence in images and GIFs.

    Args:
        part: The finished file, changed in place.
        suffix: Suffix of its format, such as ".mp4".
        packet: The XMP packet.
        sentence: Text for the comment.

    Raises:
        MediaUnreadable: If a JPEG cannot store a packet of this length.
    """
    if suffix in (".mp4", ".m4v"):
        with part.open("ab") as file:
            file.write(struct.pack(">I4s", 24 + len(packet), b"uuid") + _XMP_UUID + packet)
        return
    if suffix == ".gif":
        _embed_in_gif(part, packet, sentence.encode())
        return
    part.write_bytes(_EMBED[suffix](part.read_bytes(), packet, sentence.encode()))


def read_xmp_packets(path: Path) -> Iterator[bytes]:
    """Yield the XMP packets of a file of any format, found by their header and trailer.

    Args:
        path: The file.
    """
    if path.stat().st_size == 0:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        offset = data.find(_PACKET_HEADER)
        while offset >= 0:
            # Of several headers before a trailer the last one counts: a file full of headers is
            # searched in linear time.
            end = data.find(_PACKET_TRAILER, offset, offset + _MAX_PACKET)
            last = data.rfind(_PACKET_HEADER, offset, end if end >= 0 else offset + _MAX_PACKET)
            if end >= 0:
                yield data[last:end]
                offset = data.find(_PACKET_HEADER, end)
            else:
                offset = last if last > offset else data.find(_PACKET_HEADER, offset + _MAX_PACKET)


def _embed_in_png(data: bytes, packet: bytes, sentence: bytes) -> bytes:
    text = _png_chunk(b"tEXt", b"Comment\0" + sentence.decode().encode("latin-1", "replace"))
    xmp = _png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)
    # After the signature (8 bytes) and the IHDR chunk (25 bytes), which must be first.
    return data[:33] + text + xmp + data[33:]


def _png_chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def _embed_in_jpeg(data: bytes, packet: bytes, sentence: bytes) -> bytes:
    offset = 2
    if data[2:4] == b"\xff\xe0":
        # JFIF's APP0 segment must stay the first.
        offset += 2 + struct.unpack_from(">H", data, 4)[0]
    xmp = _jpeg_segment(0xE1, _JPEG_XMP_SIGNATURE + packet)
    return data[:offset] + xmp + _jpeg_segment(0xFE, sentence) + data[offset:]


def _jpeg_segment(marker: int, content: bytes) -> bytes:
    if len(content) > _JPEG_MAX_SEGMENT:
        raise MediaUnreadable(
            "The disclosure mark is longer than a JPEG can store (64 kB); write a .png."
        )
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _embed_in_webp(data: bytes, packet: bytes, sentence: bytes) -> bytes:
    """Convert a simple WebP to an extended one with XMP at the end; WebP has no comment."""
    width, height, alpha = _webp_size(data)
    features = struct.pack("<I", 0x04 | (0x10 if alpha else 0))
    extended = features + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBP" + _riff_chunk(b"VP8X", extended) + data[12:] + _riff_chunk(b"XMP ", packet)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_size(data: bytes) -> tuple[int, int, bool]:
    """Return width, height and whether there is alpha, from a simple WebP's image header."""
    if data[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF, False
    (bits,) = struct.unpack_from("<I", data, 21)
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)


def _riff_chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _embed_in_gif(part: Path, packet: bytes, sentence: bytes) -> None:
    blocks = [sentence[start : start + 255] for start in range(0, len(sentence), 255)]
    comment = b"\x21\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
    xmp = b"\x21\xff\x0bXMP DataXMP" + packet + _GIF_XMP_TRAILER
    with part.open("r+b") as file:
        # The last byte is the GIF's trailer.
        file.seek(-1, 2)
        file.write(comment + xmp + b"\x3b")


_EMBED: dict[str, Callable[[bytes, bytes, bytes], bytes]] = {
    ".png": _embed_in_png,
    ".jpg": _embed_in_jpeg,
    ".jpeg": _embed_in_jpeg,
    ".webp": _embed_in_webp,
}
