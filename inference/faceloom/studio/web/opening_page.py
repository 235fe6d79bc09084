"""The file that a browser is started with, so that its arguments do not contain the token."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

from faceloom.atomic import friendly_os_error
from faceloom.studio.studio_project import PRIVATE_FOLDER

_PREFIX = "open-"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<title>Faceloom</title>
<meta http-equiv="refresh" content="0;url={link}">
<a href="{link}">Open the studio</a>
"""


@contextmanager
def opening_page(folder: Path, link: str) -> Iterator[str]:
    """Write a page that redirects to the studio; only this user can read it.

    Every user of a machine can read the arguments of all processes, a browser's address among them.

    Args:
        folder: The project's folder: a browser in a sandbox can read only the user's visible
            folders.
        link: The link with the token.

    Yields:
        The address of the page. The file is removed at the end.

    Raises:
        UsageError: The folder cannot be written to.
        PartlyDone: The disk is full.
    """
    try:
        place = folder / PRIVATE_FOLDER
        place.mkdir(exist_ok=True)
        for leftover in place.glob(f"{_PREFIX}*.html"):
            # A killed studio left it; its token is invalid.
            leftover.unlink(missing_ok=True)
        # `mkstemp` creates the file with mode 0600.
        handle, name = tempfile.mkstemp(".html", _PREFIX, place)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_PAGE.format(link=escape(link)))
    except OSError as error:
        raise friendly_os_error(error, folder) from error
    path = Path(name).resolve()
    try:
        yield path.as_uri()
    finally:
        path.unlink(missing_ok=True)
