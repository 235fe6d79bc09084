"""Mutate the boxes of an MP4 or HEIC file; the sizes stay correct, so the content is read."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tests.helpers.fuzzing.mutators import Mutator

# Boxes that contain boxes, with the number of bytes before the first one.
_CONTAINERS = {
    b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"dinf": 0, b"stbl": 0, b"edts": 0, b"udta": 0,
    b"ilst": 0, b"iprp": 0, b"ipco": 0, b"meta": 4, b"iref": 4, b"iinf": 6, b"stsd": 8,
}  # fmt: skip
# Most boxes of a mutated file: each round of a fuzzer may double them.
_MAX_BOXES = 200


def make_box(kind: bytes, content: bytes = b"") -> bytes:
    """Return a box of an MP4 file with a correct size."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


@dataclass
class _Box:
    """A box, or the file as a box without a header."""

    kind: bytes
    """The box's type, four bytes."""
    content: bytes
    """The content; for a container, the bytes before its first box."""
    children: list["_Box"] = field(default_factory=list)
    """The boxes of a container."""

    def to_bytes(self) -> bytes:
        children = b"".join(child.to_bytes() for child in self.children)
        return make_box(self.kind, self.content + children)

    def containers(self) -> Iterator["_Box"]:
        """Yield this box and all in it that contain boxes."""
        if self.children:
            yield self
            for child in self.children:
                yield from child.containers()


def mutate_boxes(mutator: Mutator, data: bytes) -> bytes:
    """Change one to three boxes: content, kind, place, number; or mutate the file's bytes."""
    if mutator.random.random() < 0.2:
        return mutator.bytes(data)
    file = _Box(b"", b"", list(_boxes(data)))
    for _ in range(mutator.random.choice((1, 1, 2, 3))):
        containers = list(file.containers())
        if not containers:
            return mutator.bytes(data)
        _mutate_child(mutator, mutator.random.choice(containers), containers)
    return file.to_bytes()[8:]


def _boxes(data: bytes) -> Iterator[_Box]:
    """Yield boxes; the last one contains what is left if a size is wrong."""
    start = 0
    while len(data) - start >= 8:
        size, kind = struct.unpack_from(">I4s", data, start)
        end = start + size if 8 <= size <= len(data) - start else len(data)
        content = data[start + 8 : end]
        before = _CONTAINERS.get(kind)
        if before is None:
            yield _Box(kind, content)
        else:
            yield _Box(kind, content[:before], list(_boxes(content[before:])))
        start = end


def _mutate_child(mutator: Mutator, container: _Box, containers: list[_Box]) -> None:
    random_ = mutator.random
    index = random_.randrange(len(container.children))
    box = container.children[index]
    action = random_.random()
    if action < 0.6 and box.content:
        container.children[index] = replace(box, content=mutator.bytes(box.content))
    elif action < 0.7:
        del container.children[index]
    elif action < 0.8:
        container.children[index] = replace(box, kind=random_.choice(list(_CONTAINERS)))
    elif sum(len(each.children) for each in containers) < _MAX_BOXES:
        # A deep copy, since the new place may be in the box itself.
        copy = next(_boxes(box.to_bytes()))
        random_.choice(containers).children.insert(0, copy)
