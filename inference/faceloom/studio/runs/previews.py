"""The preview sheets of a run: `previews/step-00000500.png`."""

import re
from pathlib import Path

from faceloom.errors import UsageError

_FOLDER = "previews"
_NAME = re.compile(r"step-(?P<step>\d{8,12})\.png")
# Most sheets that are listed: a run of 10 million steps has as many with the shortest interval that
# makes sense.
_MAX_SHEETS = 10_000


def list_previews(run: Path) -> tuple[int, ...]:
    """Return the steps that have a preview sheet, ascending; the newest 10,000 at most.

    Args:
        run: The run's folder.
    """
    return tuple(sorted(_sheets(run)))[-_MAX_SHEETS:]


def preview_path(run: Path, step: int) -> Path:
    """Return the path of a preview sheet.

    Args:
        run: The run's folder.
        step: The step that it shows.

    Raises:
        UsageError: There is none.
    """
    path = _sheets(run).get(step)
    if path is None:
        raise UsageError(
            f"{run} has no preview of step {step}; open the page of the run again to see which "
            "exist."
        )
    return path


def _sheets(run: Path) -> dict[int, Path]:
    """Return the path of each sheet by its step."""
    folder = run / _FOLDER
    if not folder.is_dir() or folder.is_symlink():
        return {}
    found = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return {
        int(match["step"]): path
        for match, path in found
        if match and path.is_file() and not path.is_symlink()
    }
