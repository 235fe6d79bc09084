"""Which project the studio opens when none is named."""

from pathlib import Path

from faceloom.studio.demo_project import create_demo_project
from faceloom.studio.known_projects import list_projects


def start_project() -> Path:
    """Return the project of the last start, or a new one with the demo's videos.

    Raises:
        UsageError: The demo's project cannot be created.
    """
    last = next(list_projects(), None)
    return last or create_demo_project()
