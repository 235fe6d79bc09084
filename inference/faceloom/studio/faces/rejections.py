"""Reject faces by name."""

from collections.abc import Sequence
from pathlib import Path

from faceloom.faceset.curate import CurateSummary, drop_faces
from faceloom.studio.faces.crop_files import check_face_name

# The reason in the record of the dropped faces.
_REASON = "rejected in the studio"


def reject_faces(directory: Path, names: Sequence[str]) -> CurateSummary:
    """Drop faces from a face set; `undo_curate` restores them.

    Args:
        directory: The face set.
        names: Names of the faces.

    Returns:
        The result.

    Raises:
        ArtifactRefused: The folder is not a face set.
        UsageError: A name is unknown, no face would remain, or another process writes the face set.
    """
    for name in names:
        check_face_name(name)
    return drop_faces(directory, [f"crops/{name}.jpg" for name in names], _REASON)
