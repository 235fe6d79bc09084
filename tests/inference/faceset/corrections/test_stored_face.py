"""One face is read, corrected and copied without reading the whole face set."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.corrections import left_half, move, offsets_of, shift_all
from tests.helpers.facesets import GEOMETRY, good_faces, write_faceset

from faceloom.errors import ArtifactRefused, UsageError
from faceloom.faces.landmarks import EYE_LEFT, EYE_RIGHT, MOUTH_LEFT, MOUTH_RIGHT, NOSE_TIP
from faceloom.faceset import FaceSet
from faceloom.faceset.corrections.correction_files import LandmarkCorrection
from faceloom.faceset.corrections.row_index import RowIndex
from faceloom.faceset.corrections.stored_face import StoredFace


@pytest.fixture
def faces(tmp_path: Path) -> FaceSet:
    return write_faceset(tmp_path / "ada", good_faces(6))


def stored(faces: FaceSet, index: int) -> StoredFace:
    return StoredFace.read(RowIndex.open(faces.directory), faces.rows[index].image)


def test_it_agrees_with_the_face_set(faces: FaceSet) -> None:
    move(faces.directory, faces.rows[2].image, shift_all(0.1, 0.05))
    face, corrected = stored(faces, 2), FaceSet.read(faces.directory)
    assert face.row == faces.rows[2]
    np.testing.assert_allclose(face.detected_mesh(), faces.mesh_in_crop(faces.rows[2]), atol=1e-3)
    np.testing.assert_allclose(
        face.realignment(), corrected.corrections.realigned[face.row.image], atol=1e-5
    )


def test_a_face_set_without_rows_is_refused(faces: FaceSet) -> None:
    (faces.directory / "faces.jsonl").unlink()
    with pytest.raises(ArtifactRefused, match="is not a complete face set"):
        RowIndex.open(faces.directory)


def test_an_unknown_face_is_refused(faces: FaceSet) -> None:
    with pytest.raises(UsageError, match="has no face"):
        StoredFace.read(RowIndex.open(faces.directory), "crops/nobody.jpg")


def test_a_row_of_a_killed_addition_is_passed_over(faces: FaceSet) -> None:
    path = faces.directory / "faces.jsonl"
    row = json.loads(path.read_text().splitlines()[3])
    killed = json.dumps({**row, "file": len(faces.files), "frame": 999})
    path.write_text(f"{killed}\n{path.read_text()}")
    assert stored(faces, 3).row == faces.rows[3]


def test_a_face_whose_points_coincide_is_refused(faces: FaceSet) -> None:
    path = faces.directory / "faces.jsonl"
    first, *others = path.read_text().splitlines()
    row = {**json.loads(first), "points_xy": [[9, 9]] * 5}
    path.write_text("\n".join([json.dumps(row), *others]))
    with pytest.raises(ArtifactRefused, match="coincide"):
        stored(faces, 0)


def test_a_wrong_detection_gets_the_neighbors_place_in_the_frame(faces: FaceSet) -> None:
    good = stored(faces, 0)
    # A detection that is off by six pixels in the frame; the files of both are the same.
    points = tuple((x + 6, y - 2) for x, y in good.row.points_xy)
    mesh = tuple((x + 6, y - 2) for x, y in good.row.mesh_xy)
    wrong = StoredFace(
        good.row.model_copy(update={"points_xy": points, "mesh_xy": mesh}), None, GEOMETRY
    )
    copied = wrong.corrected(wrong.landmarks_like(good))
    np.testing.assert_allclose(
        copied.mesh() - wrong.mesh(), np.tile([-6.0, 2.0], (468, 1)), atol=0.05
    )
    mask = wrong.mask_like(good, left_half(GEOMETRY.size))
    assert mask[:, 24].min() == 255
    assert mask[:, 28].max() == 0
    other = StoredFace(wrong.row.model_copy(update={"track": 9}), None, GEOMETRY)
    np.testing.assert_allclose(
        other.corrected(other.landmarks_like(good)).mesh(), good.mesh(), atol=0.05
    )


def test_a_correction_that_crushes_the_face_is_refused(faces: FaceSet) -> None:
    face = stored(faces, 0)
    template = GEOMETRY.template_xy()
    inward = (template[2] - template) / GEOMETRY.size
    groups = (EYE_LEFT, EYE_RIGHT, (NOSE_TIP,), (MOUTH_LEFT,), (MOUTH_RIGHT,))
    crushed = offsets_of(
        {n: tuple(move) for group, move in zip(groups, inward, strict=True) for n in group}
    )
    with pytest.raises(UsageError, match="too close together"):
        face.corrected(LandmarkCorrection.of(crushed, "edited"))


def test_offsets_are_kept_exactly_enough() -> None:
    offsets = offsets_of({4: (0.123456789, -0.5), 7: (1e-6, 0), 9: (3.0, 0)})
    kept = LandmarkCorrection.of(offsets, "edited")
    assert [index for index, _, _ in kept.offsets] == [4, 9]
    np.testing.assert_allclose(kept.to_array()[4], [0.123457, -0.5], atol=1e-6)
    assert kept.to_array()[9, 0] == 1
