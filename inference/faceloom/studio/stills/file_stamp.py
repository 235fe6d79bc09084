"""Tell whether a file or a bundle was replaced."""

from pathlib import Path

from faceloom.errors import UsageError


def file_stamp(path: Path) -> tuple[Path, int, int]:
    """Return what changes when a file or a bundle is replaced.

    Args:
        path: The file or folder.

    Raises:
        UsageError: It does not exist.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); check the path.") from error
    return path, status.st_ino, status.st_mtime_ns
