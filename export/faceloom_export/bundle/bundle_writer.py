"""Where a bundle is written: a folder, or one .zip if its name ends so."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from faceloom.atomic import refuse_directory, refuse_file, replacing_directory, replacing_file
from faceloom.swap.bundle.archive import write_zip
from faceloom.swap.bundle.bundle import MARKER


def refuse_bundle(out: Path, *, force: bool, inputs: Iterable[Path]) -> None:
    """Raise UsageError if a bundle cannot or may not be written to `out`. Called before the work."""
    if _is_zip(out):
        refuse_file(out, force=force, inputs=inputs)
    else:
        refuse_directory(out, MARKER, force=force, inputs=inputs)


@contextmanager
def replacing_bundle(out: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; on success it, or its .zip, becomes `out`, otherwise nothing does."""
    if not _is_zip(out):
        with replacing_directory(out) as part:
            yield part
        return
    with (
        replacing_file(out) as packed,
        TemporaryDirectory(dir=out.resolve().parent, prefix=".faceloom-") as folder,
    ):
        yield Path(folder)
        write_zip(Path(folder), packed)


def _is_zip(out: Path) -> bool:
    return out.suffix.lower() == ".zip"
