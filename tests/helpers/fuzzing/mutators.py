"""Mutate valid files for fuzzing: by a seed, in their structure if known, else in their bytes."""

import ast
import io
import json
import pickletools
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

# Values that readers may not expect: limits of number types, paths, control characters.
EDGE_VALUES: tuple[Callable[[], Any], ...] = (
    lambda: None, lambda: True, lambda: 0, lambda: -1, lambda: 1, lambda: 2**31, lambda: 2**63,
    lambda: -(2**63) - 1, lambda: 0.5, lambda: -0.0, lambda: 1e308, lambda: -1e308, lambda: 5e-324,
    lambda: float("nan"), lambda: float("inf"), lambda: "", lambda: "a", lambda: "../../outside",
    lambda: "/etc/passwd", lambda: "a\0b", lambda: "\ud800", lambda: "\x1b]0;owned\x07",
    lambda: "crops/../../x.jpg", lambda: [], lambda: {}, lambda: [[]], lambda: {"schema": 1},
    lambda: [1, 2, 3, 4],
)  # fmt: skip
# Large or deep values, chosen rarely: one takes a reader as long as fifty other cases.
HUGE_VALUES: tuple[Callable[[], Any], ...] = (
    lambda: 10**400, lambda: "x" * 100_000, lambda: [0] * 10_000, lambda: nested_list(500),
)  # fmt: skip
# Integers that replace one to eight bytes.
_INTEGERS = (
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
# Bytes that are inserted.
_INSERTIONS = (
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
    """Return a list nested `depth` levels deeper than an empty list."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


class Mutator:
    """Mutates data; equal seeds give equal mutations."""

    def __init__(self, seed: str):
        self.random = random.Random(seed)

    def bytes(self, valid: bytes) -> bytes:
        """Mutate bytes in one to four places."""
        data = bytearray(valid)
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 4))):
            self.random.choice(_BYTE_MUTATIONS)(self.random, data)
        return bytes(data)

    def edge_value(self) -> Any:
        """Return a value that readers may not expect."""
        return self.random.choice(HUGE_VALUES if self.random.random() < 0.02 else EDGE_VALUES)()

    def value(self, value: Any) -> Any:
        """Replace, delete, add or repeat one value in a JSON tree, in place; return the tree."""
        random_ = self.random
        if random_.random() < 0.02:
            return self.edge_value()
        parent, key = value, None
        while True:
            keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
            if not keys:
                return self.edge_value()
            key = random_.choice(keys)
            if not isinstance(parent[key], dict | list) or random_.random() < 0.2:
                break
            parent = parent[key]
        action = random_.random()
        if action < 0.7:
            parent[key] = self.edge_value()
        elif action < 0.8:
            del parent[key]
        elif isinstance(parent, dict):
            parent[
                random_.choice(("", "schema", "../x", "\x1b[2J", "a\0", "__class__", "\ud800"))
            ] = self.edge_value()
        else:
            parent.insert(key, parent[random_.randrange(len(parent))])
        return value

    def json(self, valid: bytes) -> bytes:
        """Mutate a JSON document, as values or as bytes."""
        if self.random.random() < 0.25:
            return self.bytes(valid)
        return _to_json(self.value(json.loads(valid)))

    def json_lines(self, valid: bytes) -> bytes:
        """Mutate one line of a JSON Lines file, or repeat one."""
        lines = valid.splitlines()
        index = self.random.randrange(len(lines))
        if self.random.random() < 0.1:
            lines.append(lines[index])
        else:
            lines[index] = self.json(lines[index])
        return b"\n".join(lines) + b"\n"

    def npy(self, valid: bytes) -> bytes:
        """Replace the header of an .npy file, or mutate its bytes."""
        if self.random.random() < 0.3:
            return self.bytes(valid)
        length = struct.unpack_from("<H", valid, 8)[0]
        sizes = [
            self.random.choice((0, 1, -1, 3, 192, 468, 10**6, 10**12, 2**63, 2**64))
            for _ in range(4)
        ]
        shape = self.random.choice((*(tuple(sizes[:n]) for n in range(5)), (1,) * 100, "x"))
        dtype = self.random.choice(
            ("<f4", "<f8", "|u1", "<i8", "|O", "<U9", "<c8", "|V0", "<M8[s]", "|b1", "f4,f4", "")
        )
        header = {"descr": dtype, "fortran_order": self.random.random() < 0.5, "shape": shape}
        text = repr(header).encode() + b"\n"
        if self.random.random() < 0.1:
            text = b"(" * 9000
        return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + valid[10 + length :]

    def zip(self, valid: bytes, mutate: Callable[[str, bytes], bytes]) -> bytes:
        """Mutate, rename or delete a member of a .zip, or mutate the archive's bytes."""
        if self.random.random() < 0.3:
            return self.bytes(valid)
        members = dict(read_zip(valid))
        name = self.random.choice(sorted(members))
        action = self.random.random()
        if action < 0.8:
            members[name] = mutate(name, members[name])
        elif action < 0.9:
            members[self.random.choice(("../x", "/x", "a/b", "", "x" * 3000, "\x1b[2J"))] = (
                members.pop(name)
            )
        else:
            del members[name]
        methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)
        return to_zip(members, {name: self.random.choices(methods, (10, 10, 1))[0]})

    def png(self, valid: bytes) -> bytes:
        """Mutate a PNG's pixels or its bytes, in most cases with valid checksums.

        A decoder rejects a chunk with a wrong checksum before it parses it.
        """
        if self.random.random() < 0.3:
            end = 41 + int.from_bytes(valid[33:37], "big")
            rows = zlib.compress(self.bytes(zlib.decompress(valid[41:end])))
            return valid[:33] + png_chunk(b"IDAT", rows) + valid[end + 4 :]
        data = self.bytes(valid)
        return _with_valid_checksums(data) if self.random.random() < 0.8 else data

    def app15(self, jpeg: "bytes") -> "bytes":
        """Mutate the pickle in a JPEG's segment APP15: its opcodes, or any of its bytes."""
        start, end = _find_app15(jpeg)
        data = jpeg[start:end]
        if self.random.random() < 0.5:
            opcodes = [op.code.encode("latin-1") for op in pickletools.opcodes]
            at = self.random.randrange(2, len(data))
            data = data[:at] + self.random.choice(opcodes) + data[at + self.random.randrange(2) :]
        else:
            data = self.bytes(data)
        data = data[: 2**16 - 3]
        return jpeg[: start - 2] + struct.pack(">H", len(data) + 2) + data + jpeg[end:]

    def png_text(self, png: bytes, text: str) -> bytes:
        """Insert a mutated faceswap text chunk into a PNG, in most cases with a valid checksum."""
        content = self.bytes(text.encode())
        if self.random.random() < 0.5:
            value = self.value(json.loads(json.dumps(ast.literal_eval(text))))
            content = repr(value).encode("utf-8", "replace")
        flags = b"\1\0" if self.random.random() < 0.3 else b"\0\0"
        data = b"faceswap\0" + flags + b"\0\0" + (zlib.compress(content) if flags[0] else content)
        data = self.bytes(data) if self.random.random() < 0.2 else data
        chunk = png_chunk(b"iTXt", data)
        chunk = self.bytes(chunk) if self.random.random() < 0.2 else chunk
        return png[:33] + chunk + png[33:]


def _find_app15(jpeg: "bytes") -> tuple[int, int]:
    """Return where the content of a JPEG's segment APP15 begins and ends."""
    start = jpeg.index(b"\xff\xef") + 4
    return start, start - 2 + int.from_bytes(jpeg[start - 2 : start], "big")


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _with_valid_checksums(png: bytes) -> bytes:
    """Return a PNG with the checksum of every chunk recomputed."""
    data, start = bytearray(png), 8
    while start + 12 <= len(data):
        end = start + 8 + int.from_bytes(data[start : start + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = struct.pack(">I", zlib.crc32(data[start + 4 : end]))
        start = end + 4
    return bytes(data)


def to_zip(members: dict[str, bytes], methods: Mapping[str, int] = MappingProxyType({})) -> bytes:
    """Return a .zip of members; `methods` gives zipfile's compression method if not stored."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, methods.get(name, zipfile.ZIP_STORED))
    return content.getvalue()


@lru_cache(maxsize=8)
def read_zip(archive: bytes) -> Mapping[str, bytes]:
    """Return the members of a .zip."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return {name: file.read(name) for name in file.namelist()}


def _to_json(value: Any) -> bytes:
    try:
        return json.dumps(value).encode()
    except RecursionError:
        return b"[" * 100_000


def _random_slice(random_: random.Random, data: bytearray) -> slice:
    start = random_.randrange(len(data) + 1)
    return slice(start, start + random_.choice((1, 2, 8, 64, 1000)))


def _flip_bit(random_: random.Random, data: bytearray) -> None:
    if data:
        data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)


def _write_integer(random_: random.Random, data: bytearray) -> None:
    width = random_.choice((1, 2, 4, 8))
    integer = random_.choice(_INTEGERS) & (256**width - 1)
    position = random_.randrange(max(1, len(data) - width))
    data[position : position + width] = integer.to_bytes(width, random_.choice(("little", "big")))


def _truncate(random_: random.Random, data: bytearray) -> None:
    del data[random_.randrange(len(data) + 1) :]


def _remove(random_: random.Random, data: bytearray) -> None:
    del data[_random_slice(random_, data)]


def _duplicate(random_: random.Random, data: bytearray) -> None:
    piece = data[_random_slice(random_, data)]
    position = random_.randrange(len(data) + 1)
    data[position:position] = piece * random_.choice((1, 2, 50))


def _copy_over(random_: random.Random, data: bytearray) -> None:
    piece = data[_random_slice(random_, data)]
    position = random_.randrange(len(data) + 1)
    data[position : position + len(piece)] = piece


def _insert(random_: random.Random, data: bytearray) -> None:
    position = random_.randrange(len(data) + 1)
    data[position:position] = random_.choice((*_INSERTIONS, random_.randbytes(8)))


_BYTE_MUTATIONS = (
    _flip_bit,
    _flip_bit,
    _write_integer,
    _write_integer,
    _truncate,
    _remove,
    _duplicate,
    _copy_over,
    _insert,
)
