"""Show a file in the desktop's file manager."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from faceloom.errors import UsageError


def show_in_file_manager(path: Path) -> None:
    """Open the folder of a file, with the file selected where the desktop can do so.

    Args:
        path: The file.

    Raises:
        UsageError: This machine has no desktop that can show a folder.
    """
    command = _command(path)
    if command is None:
        raise UsageError(f"This machine has no desktop that can show a folder; the file is {path}.")
    subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _command(path: Path) -> list[str] | None:
    """Return the command that shows a file; None without a desktop."""
    if sys.platform == "darwin":
        return ["open", "-R", str(path)]
    if sys.platform == "win32":
        # Two words: in a quoted one, Explorer does not recognize the option.
        return ["explorer", "/select,", str(path)]
    has_desktop = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    program = shutil.which("xdg-open") if has_desktop else None
    return [program, str(path.parent)] if program else None
