"""Read `metrics.jsonl` of a run while it grows.

The trainer appends rows. When a run continues from a checkpoint, it replaces the file to drop the
rows of steps that a killed process lost.
"""

import json
import math
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from faceloom.errors import UsageError

METRICS_FILE = "metrics.jsonl"
# Bytes that one call reads. A row has about 250 bytes and at most 1 MiB; a longer one is damaged.
_CHUNK_BYTES = 2**20
# Longest text of a row that is kept, in characters: an advice names a few kinds of footage.
_MAX_TEXT = 2000
# Most keys of a row that are kept.
_MAX_KEYS = 64
# A cursor: the file's inode and an offset in bytes, both as decimal numbers.
_CURSOR = re.compile(r"(?P<inode>\d{1,20})-(?P<offset>\d{1,18})")

# A row of the metrics: finite numbers and short texts by key; "step" is an int.
Row: TypeAlias = dict[str, int | float | str]


@dataclass(frozen=True, slots=True)
class MetricsChunk:
    """Rows that were read, and where to continue."""

    rows: tuple[Row, ...]
    """The rows, the oldest first; damaged ones are left out."""
    cursor: str
    """What to give to the next call; empty if the file does not exist yet."""
    is_restart: bool
    """Whether the rows begin at the start of the file: earlier rows are to be forgotten."""
    has_more: bool
    """Whether complete rows after these may exist already."""


def read_metrics(run: Path, cursor: str = "") -> MetricsChunk:
    """Read the rows that follow a position, at most 1 MiB of them.

    Args:
        run: The run's folder.
        cursor: Where an earlier call ended; empty: the start.

    Returns:
        The rows. If the file was replaced or became shorter, they begin at its start.

    Raises:
        UsageError: The cursor is not one that an earlier call returned.
    """
    inode, offset = _parse_cursor(cursor)
    file = _open(run)
    if file is None:
        return MetricsChunk((), "", is_restart=True, has_more=False)
    with file:
        status = os.fstat(file.fileno())
        is_restart = inode != status.st_ino or offset > status.st_size
        start = 0 if is_restart else offset
        file.seek(start)
        content = file.read(_CHUNK_BYTES)
    complete = _complete_length(content)
    return MetricsChunk(
        tuple(_rows(content[:complete].splitlines())),
        f"{status.st_ino}-{start + complete}",
        is_restart,
        has_more=len(content) == _CHUNK_BYTES,
    )


def read_newest_metrics(run: Path) -> tuple[Row, ...]:
    """Read the newest rows of a run, at most 1 MiB of them: about 4,000.

    Args:
        run: The run's folder.

    Returns:
        The rows, the oldest first; none if the file does not exist.
    """
    file = _open(run)
    if file is None:
        return ()
    with file:
        size = os.fstat(file.fileno()).st_size
        start = max(0, size - _CHUNK_BYTES)
        file.seek(start)
        lines = file.read(_CHUNK_BYTES).splitlines()
    # The first line of a part of the file may be the end of a row.
    return tuple(_rows(lines[1:] if start else lines))


def _parse_cursor(cursor: str) -> tuple[int | None, int]:
    if not cursor:
        return None, 0
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise UsageError(
            f"{cursor[:40]!r} is not a position of the metrics; open the page of the run again."
        )
    return int(match["inode"]), int(match["offset"])


def _open(run: Path) -> BinaryIO | None:
    """Open the metrics; None if there is no such regular file. A link could lead anywhere."""
    path = run / METRICS_FILE
    with suppress(OSError):
        if path.is_file() and not path.is_symlink():
            return path.open("rb")
    return None


def _complete_length(content: bytes) -> int:
    """Return how many bytes are complete rows; all of them if a single row fills them."""
    end = content.rfind(b"\n") + 1
    return end or (_CHUNK_BYTES if len(content) == _CHUNK_BYTES else 0)


def _rows(lines: Iterable[bytes]) -> Iterable[Row]:
    for line in lines:
        row = _parse_row(line)
        if row is not None:
            yield row


def _parse_row(line: bytes) -> Row | None:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    step = data.get("step") if isinstance(data, dict) else None
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        return None
    kept = ((str(key)[:_MAX_TEXT], value) for key, value in list(data.items())[:_MAX_KEYS])
    return {**{key: value for key, value in kept if _is_plain(value)}, "step": step}


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_TEXT
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # An integer may be too large for a float.
    return abs(value) < 2**63 and math.isfinite(value)
