"""Write a mark into files that are whole: the few bytes that each format keeps for text and for XMP.

XMP as ISO 16684-3 says where: an iTXt chunk, an APP1 segment, a RIFF chunk, an application extension, a uuid box.
"""

import mmap
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from faceloom.errors import MediaUnreadable

_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_JPEG_MOST = 65533
# A GIF's reader jumps from block to block by lengths: wherever the packet throws it, this leads to the end.
_GIF_LANDING = bytes([1, *range(255, -1, -1), 0])
_BEGIN, _END = b"<?xpacket begin=", b"<?xpacket end="
# Packets are a few kB; what claims to be longer is not read.
_MOST_PACKET = 1 << 20


def embed(part: Path, ending: str, packet: bytes, sentence: str) -> None:
    """Write a packet into a video or picture of a kind that `ending` names, and into pictures and GIFs a sentence."""
    if ending in (".mp4", ".m4v"):
        with part.open("ab") as file:
            file.write(struct.pack(">I4s", 24 + len(packet), b"uuid") + _UUID + packet)
        return
    if ending == ".gif":
        _into_gif(part, packet, sentence.encode())
        return
    part.write_bytes(_INTO[ending](part.read_bytes(), packet, sentence.encode()))


def read_packets(path: Path) -> Iterator[bytes]:
    """Yield the XMP packets of a file of any format, which is what their beginning and end are for."""
    if path.stat().st_size == 0:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(_BEGIN)
        while at >= 0:
            # Of beginnings without an end the last one counts: a file full of them takes no longer than another.
            end = data.find(_END, at, at + _MOST_PACKET)
            last = data.rfind(_BEGIN, at, end if end >= 0 else at + _MOST_PACKET)
            if end >= 0:
                yield data[last:end]
                at = data.find(_BEGIN, end)
            else:
                at = last if last > at else data.find(_BEGIN, at + _MOST_PACKET)


def _into_png(data: bytes, packet: bytes, sentence: bytes) -> bytes:
    text = _chunk(b"tEXt", b"Comment\0" + sentence.decode().encode("latin-1", "replace"))
    xmp = _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)
    # The header comes first, 8 bytes of signature and 25 of its own.
    return data[:33] + text + xmp + data[33:]


def _chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def _into_jpeg(data: bytes, packet: bytes, sentence: bytes) -> bytes:
    at = 2
    if data[2:4] == b"\xff\xe0":
        # JFIF's own segment must stay the first.
        at += 2 + struct.unpack_from(">H", data, 4)[0]
    return data[:at] + _segment(0xE1, _JPEG_XMP + packet) + _segment(0xFE, sentence) + data[at:]


def _segment(marker: int, content: bytes) -> bytes:
    if len(content) > _JPEG_MOST:
        raise MediaUnreadable("The mark is longer than a JPEG holds (64 kB); write a .png.")
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _into_webp(data: bytes, packet: bytes, sentence: bytes) -> bytes:
    """Rewrite a simple WebP as an extended one, whose XMP comes after the picture. It has no place for a sentence."""
    width, height, alpha = _webp_size(data)
    features = struct.pack("<I", 0x04 | (0x10 if alpha else 0))
    extended = features + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBP" + _riff(b"VP8X", extended) + data[12:] + _riff(b"XMP ", packet)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_size(data: bytes) -> tuple[int, int, bool]:
    """Return width, height and whether there is alpha, from the header of a simple file's picture."""
    if data[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF, False
    (bits,) = struct.unpack_from("<I", data, 21)
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)


def _riff(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _into_gif(part: Path, packet: bytes, sentence: bytes) -> None:
    blocks = [sentence[at : at + 255] for at in range(0, len(sentence), 255)]
    comment = b"\x21\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
    xmp = b"\x21\xff\x0bXMP DataXMP" + packet + _GIF_LANDING
    with part.open("r+b") as file:
        # The last byte says that it is the end.
        file.seek(-1, 2)
        file.write(comment + xmp + b"\x3b")


_INTO: dict[str, Callable[[bytes, bytes, bytes], bytes]] = {
    ".png": _into_png,
    ".jpg": _into_jpeg,
    ".jpeg": _into_jpeg,
    ".webp": _into_webp,
}
