"""End a program as `faceloom` ends."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from faceloom.errors import FaceloomError


@contextmanager
def documented_exit() -> Iterator[None]:
    """Print an error of the block and exit with its code.

    Yields:
        Nothing.

    Raises:
        SystemExit: The block raised a FaceloomError.
    """
    try:
        yield
    except FaceloomError as error:
        sys.stderr.write(f"faceloom: {error}\n")
        raise SystemExit(error.exit_code) from error
