"""The faces that every preview sheet shows, as the setting `preview_faces` names them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from faceloom.errors import UsageError
from faceloom.faceset import FaceRow, FaceSet


def preview_names(preview_faces: Sequence[str], identity: str) -> tuple[str, ...]:
    """Return the names of an identity's faces in the setting `preview_faces`.

    Args:
        preview_faces: Each IDENTITY/FACE, in the order of the sheet's rows.
        identity: The identity.
    """
    pairs = (name.partition("/") for name in preview_faces)
    return tuple(face for owner, _, face in pairs if owner == identity)


def find_preview_rows(faceset: FaceSet, names: Sequence[str]) -> list[FaceRow]:
    """Return the rows of named faces, without those that the face set does not contain.

    Args:
        faceset: The face set.
        names: The file names of the crops, without extension.
    """
    rows = {Path(row.image).stem: row for row in faceset.rows}
    return [rows[name] for name in names if name in rows]


def check_preview_faces(preview_faces: Sequence[str], faces: Mapping[str, Path]) -> None:
    """Check that the faces of the setting `preview_faces` exist.

    Args:
        preview_faces: Each IDENTITY/FACE.
        faces: Path of each identity's face set.

    Raises:
        UsageError: The run has no such identity, or its face set has no such face.
        ArtifactRefused: A face set is damaged.
    """
    owners = {name.partition("/")[0] for name in preview_faces}
    for owner in sorted(owners):
        if owner not in faces:
            raise UsageError(
                f"preview_faces: there is no identity {owner}; the run has {', '.join(faces)}."
            )
        known = {Path(row.image).stem for row in FaceSet.read(faces[owner]).rows}
        missing = [name for name in preview_names(preview_faces, owner) if name not in known]
        if missing:
            raise UsageError(
                f"preview_faces: {faces[owner]} has no face {missing[0]}; give the name of a "
                "picture in its folder crops, without .jpg."
            )
