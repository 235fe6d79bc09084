"""Files that have the marks of an output."""

from pathlib import Path

import pytest

from faceloom.provenance import (
    DisclosureMark,
    MarkSettings,
    MarkWriter,
    SwappedIdentity,
    WrittenMarks,
)
from faceloom.provenance.credentials import is_installed

needs_c2pa = pytest.mark.skipif(
    not is_installed(), reason="needs the extra provenance (c2pa-python, cryptography)"
)
BEN = SwappedIdentity("ben", "b" * 64)
BEN_MARK = DisclosureMark((BEN,))


def mark_file(
    path: Path, level: str = "full", source: Path | None = None, mark: DisclosureMark = BEN_MARK
) -> WrittenMarks:
    """Mark a finished video or image.

    Args:
        path: The file.
        level: Which marks are written, as --provenance.
        source: The input; None: a file that does not exist.
        mark: The disclosure mark.
    """
    writer = MarkWriter.open(MarkSettings(level), path)
    return writer.write(path, mark, source or path.with_name("no source"))
