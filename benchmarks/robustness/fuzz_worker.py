"""The process of `benchmarks.robustness.coverage_fuzz` that reads the cases of one reader.

python -m benchmarks.robustness.fuzz_worker READER SCRATCH CORPUS [LIBFUZZER OPTION]...
"""

import mmap
import resource
import struct
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.helpers.fuzzing.cases import Files, Reader

# Counts of a worker's cases: refused, accepted.
COUNTS = struct.Struct("<2q")
# The file in SCRATCH with the counts.
COUNTS_FILE = "counts"
# The file in SCRATCH with the traceback of a crash.
ERROR_FILE = "error"
# Packages whose branches are measured.
MEASURED = ("faceloom", "faceloom_train", "faceloom_export", "tomllib", "yaml", "zipfile")
# Stands for the length of a file that the input lacks.
_MISSING = 0xFFFFFFFF
# Bytes that mutations may add to an artifact: enough for deep nesting, few enough to parse fast.
_MAX_ADDED = 2**14


def main() -> None:
    import atheris

    name, scratch_path, corpus, *options = sys.argv[1:]
    scratch = Path(scratch_path)
    case_folder = scratch / "case"
    with atheris.instrument_imports(include=list(MEASURED), enable_loader_override=False):
        from tests.helpers.fuzzing.cases import try_case

        from benchmarks.robustness.fuzz import (
            MAX_ADDED_MEMORY,
            MAX_CASE_SECONDS,
            all_readers,
            limit_added_address_space,
        )

        (scratch / "valid").mkdir()
        case_folder.mkdir()
        reader = next(each for each in all_readers(scratch / "valid") if each.name == name)
        # Reading imports further modules, which are measured as well.
        try_case(reader, reader.files, case_folder)
    counts_path = scratch / COUNTS_FILE
    counts_path.write_bytes(bytes(COUNTS.size))
    with counts_path.open("r+b") as file:
        counts = mmap.mmap(file.fileno(), COUNTS.size)

    def read(data: bytes) -> None:
        try:
            accepted = try_case(reader, decode(data, reader.files), case_folder)
        except Exception:
            (scratch / ERROR_FILE).write_text(traceback.format_exc(limit=-3))
            raise
        refused_count, accepted_count = COUNTS.unpack(counts[:])
        counts[:] = COUNTS.pack(refused_count + (not accepted), accepted_count + accepted)

    valid = encode(reader.files, reader.files)
    (Path(corpus) / "valid").write_bytes(valid)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + MAX_ADDED_MEMORY
    limits = [f"-rss_limit_mb={memory >> 20}", f"-timeout={MAX_CASE_SECONDS}"]
    arguments = [*limits, f"-max_len={len(valid) + _MAX_ADDED}", *options, corpus]
    limit_added_address_space(4 * MAX_ADDED_MEMORY)
    # Atheris replaces its `Mutate` in Setup.
    mutate = mutation(reader, lambda data, size: atheris.Mutate(data, size))
    atheris.Setup([sys.argv[0], *arguments], read, custom_mutator=mutate)
    # This call ends the process.
    atheris.Fuzz()


def mutation(
    reader: "Reader", mutate_bytes: Callable[[bytes, int], bytes]
) -> Callable[[bytes, int, int], bytes]:
    """Return libFuzzer's custom mutator: by the file's structure, or by `mutate_bytes`."""
    from tests.helpers.fuzzing.mutators import Mutator

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        mutator = Mutator(str(seed))
        fresh = mutator.random.random() < 0.1
        files = dict(reader.files if fresh else decode(data, reader.files))
        name = mutator.random.choice(sorted(files))
        if mutator.random.random() < 0.3:
            files[name] = mutate_bytes(files[name], len(files[name]) + 1000)
        else:
            try:
                files[name] = reader.mutate(mutator, name, files[name])
            except Exception:  # The earlier mutations left no structure.
                files[name] = mutator.bytes(files[name])
        if mutator.random.random() < 0.8:
            files = reader.repair(files)
        mutated = encode(files, reader.files)
        return mutated if len(mutated) <= max_size else data

    return mutate


def encode(files: "Files", valid: "Files") -> bytes:
    """Return an artifact's files as one input: length and content of each file of `valid`."""
    parts = []
    for name in sorted(valid):
        content = files.get(name)
        parts.append(struct.pack("<I", _MISSING if content is None else len(content)))
        parts.append(content or b"")
    return b"".join(parts)


def decode(data: bytes, valid: "Files") -> "Files":
    """Return the files of an input; a truncated input gives fewer or shorter files."""
    files, start = {}, 0
    for name in sorted(valid):
        length = int.from_bytes(data[start : start + 4].ljust(4, b"\xff"), "little")
        start += 4
        if length != _MISSING:
            files[name] = data[start : start + length]
            start += length
    return files or dict(valid)


if __name__ == "__main__":
    main()
