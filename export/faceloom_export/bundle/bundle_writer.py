"""Write a bundle: to a folder, or to one .zip if its name ends in .zip."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from faceloom.atomic import (
    atomic_directory,
    atomic_file,
    check_output_directory,
    check_output_file,
)
from faceloom.swap.bundle.archive import write_zip
from faceloom.swap.bundle.bundle import MANIFEST_FILE


def check_bundle_path(out: Path, *, force: bool, inputs: Iterable[Path]) -> None:
    """Check, before the work, that a bundle may be written to a path.

    Args:
        out: Folder or .zip of the bundle.
        force: Whether an existing bundle may be replaced.
        inputs: Files and folders that are read and must not be replaced.

    Raises:
        UsageError: If the bundle cannot or may not be written there.
    """
    if _is_zip(out):
        check_output_file(out, force=force, inputs=inputs)
    else:
        check_output_directory(out, MANIFEST_FILE, force=force, inputs=inputs)


@contextmanager
def atomic_bundle(out: Path) -> Iterator[Path]:
    """Yield an empty folder to fill, and write the bundle when the block succeeds.

    Args:
        out: Folder or .zip of the bundle.

    Yields:
        A temporary folder. On success it or its .zip replaces `out`; on an error nothing changes.
    """
    if not _is_zip(out):
        with atomic_directory(out) as part:
            yield part
        return
    with (
        atomic_file(out) as archive,
        TemporaryDirectory(dir=out.resolve().parent, prefix=".faceloom-") as folder,
    ):
        yield Path(folder)
        write_zip(Path(folder), archive)


def _is_zip(out: Path) -> bool:
    return out.suffix.lower() == ".zip"
