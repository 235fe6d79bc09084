"""Spoil valid files as a stranger would: by a seed, in their structure where it is known, else in their bytes."""

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

# What no one expects: edges of every kind of number, texts that lead elsewhere, depth, length.
EDGE_VALUES: tuple[Callable[[], Any], ...] = (
    lambda: None, lambda: True, lambda: 0, lambda: -1, lambda: 1, lambda: 2**31, lambda: 2**63, lambda: -(2**63) - 1,
    lambda: 0.5, lambda: -0.0, lambda: 1e308, lambda: -1e308, lambda: 5e-324, lambda: float("nan"),
    lambda: float("inf"), lambda: "", lambda: "a", lambda: "../../outside", lambda: "/etc/passwd", lambda: "a\0b",
    lambda: "\ud800", lambda: "\x1b]0;owned\x07", lambda: "crops/../../x.jpg", lambda: [],
    lambda: {}, lambda: [[]], lambda: {"schema": 1}, lambda: [1, 2, 3, 4],
)  # fmt: skip
# The same, but a reader takes as long for one of them as for fifty cases without.
HUGE_VALUES: tuple[Callable[[], Any], ...] = (
    lambda: 10**400, lambda: "x" * 100_000, lambda: [0] * 10_000, lambda: nested_list(500),
)  # fmt: skip
_NUMBERS = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**63 - 1,
    2**63,
    2**64 - 1,
)
_TEXTS = (
    b"\0",
    b"..",
    b"/",
    b"[" * 500,
    b"{" * 500,
    b"9" * 5000,
    b"-1",
    b"1e999",
    b"nan",
    b"\xff\xfe",
    b'"',
    b"'" * 3,
)


def nested_list(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


class Mutator:
    """All that it does follows from its seed."""

    def __init__(self, seed: str):
        self.random = random.Random(seed)

    def bytes(self, valid: bytes) -> bytes:
        """Change bytes in one to four places."""
        data = bytearray(valid)
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 4))):
            self.random.choice(_CHANGES)(self.random, data)
        return bytes(data)

    def strange(self) -> Any:
        return self.random.choice(HUGE_VALUES if self.random.random() < 0.02 else EDGE_VALUES)()

    def value(self, value: Any) -> Any:
        """Change one value of a tree of plain values, or its place; what is given is changed."""
        random_ = self.random
        if random_.random() < 0.02:
            return self.strange()
        place, key = value, None
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                return self.strange()
            key = random_.choice(keys)
            if not isinstance(place[key], dict | list) or random_.random() < 0.2:
                break
            place = place[key]
        what = random_.random()
        if what < 0.7:
            place[key] = self.strange()
        elif what < 0.8:
            del place[key]
        elif isinstance(place, dict):
            place[
                random_.choice(("", "schema", "../x", "\x1b[2J", "a\0", "__class__", "\ud800"))
            ] = self.strange()
        else:
            place.insert(key, place[random_.randrange(len(place))])
        return value

    def json(self, valid: bytes) -> bytes:
        """Change a JSON document, as values or as bytes."""
        if self.random.random() < 0.25:
            return self.bytes(valid)
        return _dumped(self.value(json.loads(valid)))

    def json_lines(self, valid: bytes) -> bytes:
        """Change a line of JSON, or repeat one."""
        lines = valid.splitlines()
        at = self.random.randrange(len(lines))
        if self.random.random() < 0.1:
            lines.append(lines[at])
        else:
            lines[at] = self.json(lines[at])
        return b"\n".join(lines) + b"\n"

    def npy(self, valid: bytes) -> bytes:
        """Change the header of an array, to which anything may be claimed, or its bytes."""
        if self.random.random() < 0.3:
            return self.bytes(valid)
        length = struct.unpack_from("<H", valid, 8)[0]
        sizes = [
            self.random.choice((0, 1, -1, 3, 192, 468, 10**6, 10**12, 2**63, 2**64))
            for _ in range(4)
        ]
        shape = self.random.choice((*(tuple(sizes[:n]) for n in range(5)), (1,) * 100, "x"))
        kind = self.random.choice(
            ("<f4", "<f8", "|u1", "<i8", "|O", "<U9", "<c8", "|V0", "<M8[s]", "|b1", "f4,f4", "")
        )
        header = {"descr": kind, "fortran_order": self.random.random() < 0.5, "shape": shape}
        text = repr(header).encode() + b"\n"
        if self.random.random() < 0.1:
            text = b"(" * 9000
        return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + valid[10 + length :]

    def zip(self, valid: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
        """Change a member of a .zip, a name or a claim of its directory, or the bytes of the whole."""
        if self.random.random() < 0.3:
            return self.bytes(valid)
        members = dict(_members(valid))
        name = self.random.choice(sorted(members))
        what = self.random.random()
        if what < 0.8:
            members[name] = change(name, members[name])
        elif what < 0.9:
            members[self.random.choice(("../x", "/x", "a/b", "", "x" * 3000, "\x1b[2J"))] = (
                members.pop(name)
            )
        else:
            del members[name]
        how = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)
        return to_zip(members, {name: self.random.choices(how, (10, 10, 1))[0]})

    def png(self, valid: bytes) -> bytes:
        """Change a PNG's rows or its bytes and, in most cases, make its checksums right: else nothing gets further."""
        if self.random.random() < 0.3:
            end = 41 + int.from_bytes(valid[33:37], "big")
            rows = zlib.compress(self.bytes(zlib.decompress(valid[41:end])))
            return valid[:33] + _chunk(b"IDAT", rows) + valid[end + 4 :]
        data = self.bytes(valid)
        return with_checksums(data) if self.random.random() < 0.8 else data

    def png_note(self, png: bytes, note: str) -> bytes:
        """Put a changed text before a PNG's picture, its checksum right in most cases."""
        text = self.bytes(note.encode())
        if self.random.random() < 0.5:
            text = repr(self.value(json.loads(json.dumps(note_of(note))))).encode(
                "utf-8", "replace"
            )
        flags = b"\1\0" if self.random.random() < 0.3 else b"\0\0"
        data = b"faceswap\0" + flags + b"\0\0" + (zlib.compress(text) if flags[0] else text)
        data = self.bytes(data) if self.random.random() < 0.2 else data
        chunk = _chunk(b"iTXt", data)
        chunk = self.bytes(chunk) if self.random.random() < 0.2 else chunk
        return png[:33] + chunk + png[33:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_checksums(png: bytes) -> bytes:
    """Return a PNG with every chunk's checksum as its bytes want it."""
    data, at = bytearray(png), 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = struct.pack(">I", zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(data)


def note_of(text: str) -> Any:
    from ast import literal_eval

    return literal_eval(text)


def to_zip(members: dict[str, bytes], how: Mapping[str, int] = MappingProxyType({})) -> bytes:
    """Return a .zip; how: zipfile's number for each member that is not stored as it is."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, how.get(name, zipfile.ZIP_STORED))
    return content.getvalue()


@lru_cache(maxsize=8)
def _members(archive: bytes) -> Mapping[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def _dumped(value: Any) -> bytes:
    try:
        return json.dumps(value).encode()
    except RecursionError:
        return b"[" * 100_000


def _stretch(random_: random.Random, data: bytearray) -> slice:
    start = random_.randrange(len(data) + 1)
    return slice(start, start + random_.choice((1, 2, 8, 64, 1000)))


def _flip(random_: random.Random, data: bytearray) -> None:
    if data:
        data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)


def _number(random_: random.Random, data: bytearray) -> None:
    width = random_.choice((1, 2, 4, 8))
    number = random_.choice(_NUMBERS) & (256**width - 1)
    at = random_.randrange(max(1, len(data) - width))
    data[at : at + width] = number.to_bytes(width, random_.choice(("little", "big")))


def _cut(random_: random.Random, data: bytearray) -> None:
    del data[random_.randrange(len(data) + 1) :]


def _remove(random_: random.Random, data: bytearray) -> None:
    del data[_stretch(random_, data)]


def _repeat(random_: random.Random, data: bytearray) -> None:
    piece = data[_stretch(random_, data)]
    at = random_.randrange(len(data) + 1)
    data[at:at] = piece * random_.choice((1, 2, 50))


def _move(random_: random.Random, data: bytearray) -> None:
    piece = data[_stretch(random_, data)]
    at = random_.randrange(len(data) + 1)
    data[at : at + len(piece)] = piece


def _insert(random_: random.Random, data: bytearray) -> None:
    at = random_.randrange(len(data) + 1)
    data[at:at] = random_.choice((*_TEXTS, random_.randbytes(8)))


_CHANGES = (_flip, _flip, _number, _number, _cut, _remove, _repeat, _move, _insert)
