"""Fuzz cases: a reader under test, its mutated files, and the check of what the reader does."""

import contextlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tests.helpers.fuzzing.box_mutations import mutate_boxes
from tests.helpers.fuzzing.mutators import Mutator
from tests.helpers.fuzzing.onnx_mutations import mutate_onnx

from faceloom.errors import FaceloomError
from faceloom.faceset.other_tools.faceswap_metadata import FaceMetadataError

# Contents of an artifact's files by their paths in its folder.
Files = dict[str, bytes]

# Cases of each reader in the tests: 50 by default; nightly runs read 1,000.
FUZZ_CASES = int(os.environ.get("FACELOOM_FUZZ_CASES", "50"))
# The most cases of a slow reader in the tests.
_MAX_SLOW_CASES = 300


@dataclass(frozen=True)
class Reader:
    """A reader of untrusted files, with a valid artifact to mutate.

    `read` must accept what it is given or refuse it with a FaceloomError.
    """

    name: str
    """Name in the report; it is part of the seed."""
    files: Files
    """The files of a valid artifact."""
    read: Callable[[Path], object]
    """Reads the artifact in a folder."""
    mutate: Callable[[Mutator, str, bytes], bytes]
    """Mutates one file, given its name and content."""
    repair: Callable[[Files], Files] = dict
    """Updates checksums after a mutation, as the author of a malicious file would."""
    slow: bool = False
    """Whether a case takes a millisecond or more; the tests read fewer cases then."""

    def case(self, seed: int) -> Files:
        """Return the artifact with one mutated file, repaired in four of five cases."""
        mutator = Mutator(f"{self.name} {seed}")
        name = mutator.random.choice(sorted(self.files))
        files = {**self.files, name: self.mutate(mutator, name, self.files[name])}
        return self.repair(files) if mutator.random.random() < 0.8 else files


class OutsideFolderChanged(Exception):
    """A reader changed something outside the artifact's folder."""


def check_reader(reader: Reader) -> None:
    """Assert that the reader accepts the valid artifact and refuses some mutated ones.

    Any error but a FaceloomError, and a change outside the artifact's folder, fails.
    """
    count = min(FUZZ_CASES, _MAX_SLOW_CASES) if reader.slow else FUZZ_CASES
    with scratch_folder() as folder:
        assert try_case(reader, reader.files, folder), "the valid artifact is refused"
        accepted = [try_case(reader, reader.case(seed), folder) for seed in range(count)]
    assert not all(accepted)


def try_case(reader: Reader, files: Files, folder: Path) -> bool:
    """Write the files to `folder`/artifact and read them; return whether they are accepted.

    Raises OutsideFolderChanged, and whatever the reader raises that is not a FaceloomError.
    """
    artifact, other_file = folder / "artifact", folder / "secret.txt"
    if not other_file.is_file():
        other_file.write_text("secret")
    _write_changed(files, artifact)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            reader.read(artifact)
        accepted = True
    except (FaceloomError, FaceMetadataError):
        accepted = False
    names = {path.name for path in folder.iterdir()}
    if names != {"artifact", "secret.txt"} or other_file.read_text() != "secret":
        raise OutsideFolderChanged(str(sorted(folder.rglob("*"))))
    return accepted


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a temporary folder, in memory if the system offers that: a disk would be slower."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


def _write_changed(files: Files, folder: Path) -> None:
    """Write the files that differ from those on disk; remove the files of earlier cases."""
    expected = {folder / name: data for name, data in files.items()}
    existing = {Path(parent, name) for parent, _, names in os.walk(folder) for name in names}
    if existing - expected.keys():
        shutil.rmtree(folder)
    for path, data in expected.items():
        if path.is_file() and path.read_bytes() == data:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def mutate_by_extension(mutator: Mutator, name: str, data: bytes) -> bytes:
    """Mutate a file in the way that suits its extension."""
    extension = name.rpartition(".")[2]
    if extension in ("zip", "npz", "keras"):
        return mutator.zip(
            data, lambda member, content: mutate_by_extension(mutator, member, content)
        )
    methods = {
        "json": mutator.json,
        "jsonl": mutator.json_lines,
        "npy": mutator.npy,
        "png": mutator.png,
        "mp4": partial(mutate_boxes, mutator),
        "heic": partial(mutate_boxes, mutator),
        "onnx": partial(mutate_onnx, mutator),
        "dfm": partial(mutate_onnx, mutator),
    }
    return methods.get(extension, mutator.bytes)(data)


def mutate_value_after(
    separator: bytes, values: tuple[bytes, ...]
) -> Callable[[Mutator, str, bytes], bytes]:
    """Return a mutation of a text file: of its bytes, or of the value after a line's separator."""

    def mutate(mutator: Mutator, name: str, data: bytes) -> bytes:
        if mutator.random.random() < 0.5:
            return mutator.bytes(data)
        lines = data.splitlines()
        indices = [index for index, line in enumerate(lines) if separator in line]
        index = mutator.random.choice(indices)
        key = lines[index].partition(separator)[0]
        lines[index] = key + separator + b" " + mutator.random.choice(values)
        return b"\n".join(lines)

    return mutate
