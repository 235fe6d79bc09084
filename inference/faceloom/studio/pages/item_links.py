"""The addresses of the pages of a project's items."""

import os
from pathlib import Path

from faceloom.studio.studio_project import ItemKind, StudioProject, item_id

ITEM_PAGES = {
    ItemKind.CLIP: "",
    ItemKind.FACES: "/faces",
    ItemKind.RUN: "/runs",
    ItemKind.BUNDLE: "",
    ItemKind.SWAP: "/results",
}
"""Address of the pages of each kind of item; empty if it has none."""


def artifact_page(project: StudioProject, artifact: str) -> str:
    """Return the address of the page that shows what a job makes.

    Args:
        project: The project.
        artifact: Absolute path of the artifact, or "".

    Returns:
        The address; empty if the artifact does not exist yet or has no page.
    """
    kind = project.kind_of_artifact(artifact)
    if kind is None or not ITEM_PAGES[kind]:
        return ""
    # A `Path` would take most of the time of a long queue.
    if not os.path.exists(artifact):  # noqa: PTH110
        return ""
    return f"{ITEM_PAGES[kind]}/{item_id(Path(artifact))}"
