"""What commands wrote into a folder, for comparisons of two runs."""

import re
from pathlib import Path

# A lock file, which contains the ID of a process.
_LOCK = re.compile(r"\..*\.lock")
# A duration in a JSON document.
_DURATION = re.compile(rb'"seconds": ?[0-9.e-]+')


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return the content of each file below a folder by its relative path, without lock files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _LOCK.fullmatch(path.name)
    }


def without_durations(name: str, data: bytes) -> bytes:
    """Return the content of a file; of a JSON file, without measured durations."""
    return _DURATION.sub(b"", data) if name.endswith((".json", ".jsonl")) else data
