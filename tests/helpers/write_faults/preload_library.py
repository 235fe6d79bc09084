"""Compile the library that fails system calls."""

import shutil
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).parent / "preload.c"


def compiler() -> str | None:
    """Return the C compiler of this machine; None without one."""
    return shutil.which("cc")


def build(folder: Path) -> Path:
    """Compile the library into a folder.

    Args:
        folder: An existing folder.

    Returns:
        The library, to be named in LD_PRELOAD.

    Raises:
        subprocess.CalledProcessError: It does not compile.
    """
    library = folder / "faults.so"
    words = [str(compiler()), "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"]
    subprocess.run(words, check=True)
    return library
