"""End a program as `faceloom` ends."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faceloom.atomic import friendly_os_error
from faceloom.errors import FaceloomError


@contextmanager
def documented_exit() -> Iterator[None]:
    """Print an error of the block and exit with its code.

    Yields:
        Nothing.

    Raises:
        SystemExit: The block raised a FaceloomError or an OSError.
    """
    try:
        try:
            yield
        except OSError as error:
            raise friendly_os_error(error, Path(error.filename or "The file")) from error
    except FaceloomError as error:
        sys.stderr.write(f"faceloom: {error}\n")
        raise SystemExit(error.exit_code) from error
