"""SHA-256 checksums."""

import hashlib
from pathlib import Path


def sha256_of(content: bytes) -> str:
    """Compute a SHA-256 checksum.

    Args:
        content: The bytes.

    Returns:
        64 lower-case hexadecimal digits.
    """
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Compute the SHA-256 checksum of a file.

    Args:
        path: The file.

    Returns:
        64 lower-case hexadecimal digits.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
