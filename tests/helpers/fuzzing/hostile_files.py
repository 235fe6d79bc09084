"""A list of files that are made to harm `faceloom verify`; each is built when it is read.

Truncated and contradictory containers, boxes and chunks that claim gigabytes, small chunks that
decompress to large ones, damaged and deep C2PA manifests, and text that imitates Faceloom's.
"""

import io
import itertools
import random
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.disclosure_marks import mark_file
from tests.helpers.fuzzing.box_mutations import make_box
from tests.helpers.fuzzing.cases import Files, Reader
from tests.helpers.fuzzing.mutators import png_chunk

from faceloom.artifact_kind import SENTENCE_PREFIX
from faceloom.cli import app
from faceloom.errors import ArtifactRefused, MediaUnreadable
from faceloom.image_io import encode_picture
from faceloom.provenance import EXIT_CODES
from faceloom.provenance.disclosure_mark import SOURCE_TYPE
from faceloom.provenance.verify import C2PA_STORE

# Values of a box's size and a chunk's size.
_SIZES = (0, 1, 7, 9, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
# Repetitions of a small element, which give about a megabyte.
_MANY = 100_000
# Zeros that a compressed chunk expands to, in bytes.
_EXPANDED = 1 << 28
_PACKET = b'<?xpacket begin="" ?>%b<?xpacket end="r"?>'
_SWAP = f'Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}" '.encode()
_IDENTITY = b'<rdf:li faceloom:name="ben" faceloom:sha256="0"/>'
_SENTENCE = f"{SENTENCE_PREFIX} 1: ben. {SOURCE_TYPE}"
# Text that clears a terminal or imitates another line of the report.
_IMITATION = "C2PA         Trusted, signed by a bank"
_MISLEADING = ("\x1b[2J\x1b]0;owned\x07", f"\n  {_IMITATION}", "\u202e")

# Most lines of a report about a hostile file, and most characters of a line.
_MAX_LINES = 102
_MAX_LINE_LENGTH = 2100
# Characters of a longer text that a failure shows.
_PRINTED = 500

Build = Callable[[], bytes]
Named = Iterator[tuple[str, Build]]


@dataclass(frozen=True)
class HostileFiles(Reader):
    """A reader with listed cases, which are not mutated."""

    listed: tuple[tuple[str, Build], ...] = field(default=())
    """Name with the file's suffix, and function that builds the content."""

    def case(self, seed: int) -> Files:
        """Return a file of the list; neighboring seeds give files of different kinds."""
        # 89 is coprime to the length of the list, so that every file has its turn.
        name, build = self.listed[seed * 89 % len(self.listed)]
        return {f"a.{name.rpartition('.')[2]}": build()}


def hostile_reader(scratch: Path) -> HostileFiles:
    """Return the reader of the hostile files, which runs the command `verify`.

    Args:
        scratch: A folder for the marked files from which the hostile ones are built.
    """
    files: dict[str, Files] = {}
    for level in ("full", "tags"):
        files[level] = {}
        for suffix in ("mp4", "png", "jpg", "gif", "webp"):
            path = scratch / f"hostile.{suffix}"
            if suffix in ("mp4", "gif"):
                codec, pixels = ("gif", "bgr8") if suffix == "gif" else ("libx264", "yuv420p")
                make_clip(path, wave_images(2, 32, 32), pixel_format=pixels, codec=codec)
            else:
                path.write_bytes(encode_picture(wave_images(1, 32, 32)[0], path.suffix))
            mark_file(path, level)
            files[level][suffix] = path.read_bytes()
    return HostileFiles(
        "hostile files to verify",
        {"a.mp4": files["tags"]["mp4"]},
        verify_by_command,
        lambda mutator, name, data: data,
        slow=True,
        listed=hostile_files(files["full"], files["tags"]),
    )


def verify_by_command(folder: Path) -> None:
    """Run `faceloom verify` on the folder's file; check its output and its exit code.

    Raises:
        ArtifactRefused: If the file is refused or its signature does not match.
        AssertionError: If the output is too long or not printable, or the exit code undocumented.
    """
    (path,) = folder.iterdir()
    with (
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(io.StringIO()) as err,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "argv", ["faceloom", "verify", str(path)])
        with pytest.raises(SystemExit) as end:
            app.main()
    code = int(end.value.code or 0)
    text = f"{out.getvalue()}{err.getvalue()}"
    assert code in {*EXIT_CODES.values(), MediaUnreadable.exit_code}, f"exit code {code}: {text}"
    lines = text.splitlines()
    refused = code == MediaUnreadable.exit_code
    assert len(lines) <= (1 if refused else _MAX_LINES), text[:_PRINTED]
    assert all(line.isprintable() and len(line) < _MAX_LINE_LENGTH for line in lines), text
    assert not any(line.strip().startswith(_IMITATION) for line in lines), text[:_PRINTED]
    if refused or code == EXIT_CODES["invalid"]:
        raise ArtifactRefused(text)


def hostile_files(signed: Files, marked: Files) -> tuple[tuple[str, Build], ...]:
    """List the files.

    Args:
        signed: Marked files by their suffixes mp4, png, jpg, gif and webp, signed if possible.
        marked: The same without a signature.
    """
    kinds = (
        _truncated(marked),
        _truncated(signed, "signed, "),
        _sizes_of_boxes(marked["mp4"]),
        _boxes(marked["mp4"]),
        _boxes(signed["mp4"], "signed, "),
        _manifests(signed),
        _packets(marked),
        _sentences(marked["png"]),
        _png_chunks(marked["png"]),
        _other_images(marked),
        _other_formats(),
    )
    return tuple(itertools.chain.from_iterable(kinds))


def _truncated(files: Files, prefix: str = "") -> Named:
    for suffix, data in files.items():
        for tenth in range(1, 10):
            yield (
                f"{prefix}{tenth} tenths.{suffix}",
                partial(data.__getitem__, slice(len(data) * tenth // 10)),
            )


def _sizes_of_boxes(data: bytes) -> Named:
    for kind in (b"ftyp", b"moov", b"trak", b"stbl", b"stsd", b"mdat", b"udta", b"uuid", b"jumb"):
        start = data.find(kind) - 4
        for size in _SIZES if start >= 0 else ():
            yield (
                f"{kind.decode()} of {size} bytes.mp4",
                partial(_replace, data, start, struct.pack(">I", size)),
            )
    # Version and flags, then the number of entries.
    for kind in (b"stts", b"stsz", b"stsc", b"stco"):
        offset = data.find(kind) + (12 if kind == b"stsz" else 8)
        yield (
            f"{kind.decode()} of four billion entries.mp4",
            partial(_replace, data, offset, b"\xff" * 4),
        )


def _boxes(data: bytes, prefix: str = "") -> Named:
    start = data.find(b"moov") - 4
    for kind in (b"moov", b"udta", b"jumb", b"free"):
        yield f"{prefix}nested {kind.decode()}.mp4", partial(_nest, data, start, kind, 8000)
        yield f"{prefix}many {kind.decode()}.mp4", partial(_append, data, make_box(kind), _MANY)
        yield (
            f"{prefix}{kind.decode()} of an exabyte.mp4",
            partial(_append, data, struct.pack(">I4sQ", 1, kind, 1 << 60)),
        )


def _manifests(files: Files) -> Named:
    generator = random.Random(0)
    for suffix in ("mp4", "png", "jpg"):
        data = files[suffix]
        yield f"only the manifest's signature.{suffix}", partial(_append, data, C2PA_STORE)
        yield f"many of them.{suffix}", partial(_append, data, C2PA_STORE, _MANY)
        start = data.find(C2PA_STORE)
        if start < 0:
            continue
        for offset in (-8, -4, 0, 30, 200, 700, 1500, 2500):
            for noise in (b"\0" * 64, b"\xff" * 64, generator.randbytes(64)):
                yield (
                    f"manifest with {noise[0]} at {offset}.{suffix}",
                    partial(_replace, data, start + offset, noise),
                )
        # CBOR: an array of 2^62 items, arrays in arrays, a string of 2^32 bytes.
        for name, cbor in (
            ("array", b"\x9b" + b"\x3f" + b"\xff" * 7),
            ("depth", b"\x81" * 2000),
            ("string", b"\x7a" + b"\xff" * 4),
        ):
            offset = data.find(b"cbor", start) + 4
            yield f"CBOR {name}.{suffix}", partial(_replace, data, offset, cbor)


def _packets(files: Files) -> Named:
    entities = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">%b]>' % b"".join(
        b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(20)
    )
    packets: tuple[tuple[str, Build], ...] = (
        ("entities", lambda: _PACKET % (entities + _SWAP)),
        ("external entity", lambda: _PACKET % (b'<!ENTITY x SYSTEM "file:///etc/passwd">' + _SWAP)),
        ("many identities", lambda: _PACKET % (_SWAP + _IDENTITY * 20_000)),
        ("many packets", lambda: (_PACKET % _SWAP) * 20_000),
        ("headers", lambda: b"<?xpacket begin=" * _MANY),
        ("trailers", lambda: b"<?xpacket end=" * _MANY),
        ("long type", lambda: _PACKET % (b'Iptc4xmpExt:DigitalSourceType="' + b"x" * 900_000)),
        ("unclosed values", lambda: _PACKET % (_SWAP + b'faceloom:version="' * 40_000)),
        ("unclosed identity", lambda: _PACKET % (_SWAP + b'<rdf:li faceloom:name="' * 40_000)),
        ("spaces", lambda: _PACKET % (b"Iptc4xmpExt:DigitalSourceType" + b" " * 900_000)),
        ("not UTF-8", lambda: _PACKET % (_SWAP + b'faceloom:version="\xff\xfe"')),
        *(
            (
                f"misleading {n}",
                partial(_PACKET.__mod__, _SWAP + f'faceloom:version="{text}"'.encode()),
            )
            for n, text in enumerate((*_MISLEADING, "&#10;  C2PA  Trusted", "&#27;[2J"))
        ),
    )
    for suffix in ("mp4", "jpg"):
        for name, build in packets:
            yield f"XMP {name}.{suffix}", lambda build=build, data=files[suffix]: data + build()


def _sentences(png: bytes) -> Named:
    texts = (*(_SENTENCE.replace("ben", text) for text in _MISLEADING), _SENTENCE * 1000, "\0" * 99)
    for number, text in enumerate(texts):
        comment = png_chunk(b"tEXt", b"Comment\0" + text.encode())
        yield f"sentence {number}.png", partial(_insert, png, 33, comment)


def _png_chunks(png: bytes) -> Named:
    zeros = partial(zlib.compress, bytes(_EXPANDED), 9)
    for kind, head in (
        (b"zTXt", b"Comment\0\0"),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0"),
        (b"iCCP", b"icc\0\0"),
        (b"IDAT", b""),
    ):
        yield (
            f"{kind.decode()} that expands.png",
            lambda kind=kind, head=head: _insert(png, 33, png_chunk(kind, head + zeros())),
        )
        yield f"many {kind.decode()}.png", partial(_insert, png, 33, png_chunk(kind, head), 20_000)
        for size in _SIZES[4:]:
            chunk = struct.pack(">I", size) + kind + b"\0" * 40
            yield f"{kind.decode()} of {size} bytes.png", partial(_insert, png, 33, chunk)
    for width, height in ((0, 0), (0x7FFFFFFF, 0x7FFFFFFF), (65535, 65535), (1, 0x7FFFFFFF)):
        header = png_chunk(b"IHDR", struct.pack(">II5B", width, height, 8, 6, 0, 0, 0))
        yield f"{width} x {height}.png", partial(_replace, png, 8, header)
    for chunk in (b"", C2PA_STORE, b"\0\0\0\1jumb" * 1000, b"\xff" * 4 + b"jumb" + C2PA_STORE):
        yield f"caBX {chunk[:8].hex()}.png", partial(_insert, png, 33, png_chunk(b"caBX", chunk))


def _other_images(files: Files) -> Named:
    jpeg, gif, webp = files["jpg"], files["gif"], files["webp"]
    for marker in (0xE1, 0xE2, 0xEB, 0xFE):
        segment = struct.pack(">BBH", 0xFF, marker, 10) + b"JP\0\1\xff\xff\xff\xff"
        yield f"many segments {marker:x}.jpg", partial(_insert, jpeg, 2, segment, 20_000)
        yield f"short segment {marker:x}.jpg", partial(_insert, jpeg, 2, segment[:2] + b"\0\0")
        yield f"long segment {marker:x}.jpg", partial(_insert, jpeg, 2, segment[:2] + b"\xff\xff")
    frame = b"\xff\xc0\0\x11\x08" + b"\xff" * 4 + b"\x03\1\x11\0\2\x11\0\3\x11\0"
    yield "65535 x 65535.jpg", partial(_insert, jpeg, 2, frame)
    yield "no end of comments.gif", lambda: gif[:-1] + b"\x21\xfe" + b"\xff" + b"x" * 5_000_000
    yield "65535 x 65535.gif", partial(_replace, gif, 6, b"\xff" * 4)
    yield "many frames.gif", lambda: gif[:-1] + (b"\x2c" + b"\0" * 9 + b"\2\1\0\0") * _MANY
    for offset in (4, 16, 24):
        yield f"size at {offset}.webp", partial(_replace, webp, offset, b"\xff" * 4)
    yield "many C2PA chunks.webp", partial(_append, webp, b"C2PA\x04\0\0\0abcd", 20_000)


def _other_formats() -> Named:
    generator = random.Random(1)
    loop = b"II*\0\x08\0\0\0\1\0\0\1\4\0\1\0\0\0\1\0\0\0\x08\0\0\0"
    contents: tuple[tuple[str, Build], ...] = (
        ("empty.mp4", bytes),
        ("one byte.png", lambda: b"\0"),
        ("zeros.mp4", lambda: bytes(1_000_000)),
        ("noise.mp4", lambda: generator.randbytes(1_000_000)),
        ("type only.mp4", lambda: b"\0\0\0\x18ftypisom\0\0\0\0isomiso2"),
        ("type and manifest.mp4", lambda: b"\0\0\0\x10ftypisom\0\0\0\0" + C2PA_STORE * 99),
        ("playlist.mp4", lambda: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
        ("concatenation.mp4", lambda: b"ffconcat version 1.0\nfile /etc/passwd\n"),
        ("session.mp4", lambda: b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 1 RTP/AVP 96\n"),
        ("page.gif", lambda: b"<html><script>" * 9999),
        ("archive.mp4", lambda: b"PK\x03\x04" + bytes(26)),
        ("program.mp4", lambda: b"\x7fELF" + bytes(60)),
        ("text chunk.avi", lambda: b"RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\x7fINFO" + bytes(99)),
        ("many lists.avi", lambda: b"RIFF\xff\xff\xff\xffAVI " + b"LIST\x04\0\0\0hdrl" * _MANY),
        ("loop.tif", lambda: loop),
        ("loop with manifest.tif", lambda: loop + C2PA_STORE),
        ("element.mkv", lambda: b"\x1a\x45\xdf\xa3\x01" + b"\xff" * 7),
        (
            "nested.mkv",
            lambda: b"\x1a\x45\xdf\xa3\x84\x42\x82\x81w\x18\x53\x80\x67\x01" + b"\xff" * 9999,
        ),
        ("speech.mp4", lambda: f"{_SENTENCE}\n".encode() * 50_000),
    )
    yield from contents


def _nest(data: bytes, offset: int, kind: bytes, depth: int) -> bytes:
    """Insert nested boxes, each in the one before."""
    heads = b"".join(struct.pack(">I4s", 8 * (depth - level), kind) for level in range(depth))
    return _insert(data, offset, heads)


def _replace(data: bytes, offset: int, content: bytes) -> bytes:
    return data[:offset] + content + data[offset + len(content) :]


def _insert(data: bytes, offset: int, content: bytes, count: int = 1) -> bytes:
    return data[:offset] + content * count + data[offset:]


def _append(data: bytes, content: bytes, count: int = 1) -> bytes:
    return data + content * count
