"""Corrections are applied by everything that reads a face set, and nothing loses them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.corrections import left_half, move, offsets_of, paint, shift_all
from tests.helpers.facesets import GEOMETRY, good_faces, write_faceset

from faceloom.errors import ArtifactRefused
from faceloom.faces.alignment import CropGeometry, apply_affine
from faceloom.faces.landmarks import EYE_LEFT, MOUTH_LEFT, NOSE_TIP, UPPER_LID
from faceloom.faceset import FaceSet, drop_faces, undo_curate
from faceloom.faceset.append import AddedFace, append_faces
from faceloom.faceset.corrections.correction_files import (
    CORRECTIONS_FOLDER,
    landmarks_path,
    mask_path,
)
from faceloom.faceset.schema import FaceRecord

SIZE = GEOMETRY.size


@pytest.fixture
def faces(tmp_path: Path) -> FaceSet:
    return write_faceset(tmp_path / "ada", good_faces(6))


def test_a_shifted_face_is_cut_where_it_is(faces: FaceSet) -> None:
    row, plain = faces.rows[2], faces.rows[3]
    move(faces.directory, row.image, shift_all(0.125, 0))
    after = FaceSet.read(faces.directory)
    corrected = after.rows[2]
    assert after.rows[3] == plain
    # The landmarks stay in their places of the crop, which shows another part of the frame.
    np.testing.assert_allclose(after.mesh_in_crop(corrected), faces.mesh_in_crop(row), atol=0.05)
    moved = np.subtract(corrected.mesh_xy, row.mesh_xy).mean(0)
    expected = 0.125 * SIZE / faces.geometry.frame_to_crop(np.float32(row.points_xy))[0, 0]
    np.testing.assert_allclose(moved, [expected, 0], atol=0.02)
    before, now = (one.read_crop(one.rows[2]).astype(int) for one in (faces, after))
    shift = SIZE // 8
    assert np.abs(now[:, :-shift] - before[:, shift:]).max() <= 3
    assert np.abs(now - before).max() > 3


def test_a_landmark_that_does_not_align_leaves_the_crop(faces: FaceSet) -> None:
    row = faces.rows[0]
    move(faces.directory, row.image, offsets_of({200: (0.0625, -0.0625)}))
    after = FaceSet.read(faces.directory)
    difference = after.mesh_in_crop(after.rows[0]) - faces.mesh_in_crop(row)
    np.testing.assert_allclose(difference[200], [4, -4], atol=0.02)
    assert np.abs(np.delete(difference, 200, 0)).max() < 0.01
    np.testing.assert_array_equal(after.read_crop(after.rows[0]), faces.read_crop(row))


@pytest.mark.parametrize(
    ("index", "field"), [(EYE_LEFT[UPPER_LID[1]], "eyes_open"), (13, "mouth_open")]
)
def test_openings_follow_the_landmarks(faces: FaceSet, index: int, field: str) -> None:
    move(faces.directory, faces.rows[0].image, offsets_of({index: (0, 0.2)}))
    once = getattr(FaceSet.read(faces.directory).rows[0].quality, field)
    move(faces.directory, faces.rows[0].image, offsets_of({index: (0, 0.3)}))
    twice = getattr(FaceSet.read(faces.directory).rows[0].quality, field)
    assert abs(twice - once) > 0.01


def test_the_painted_mask_is_cut_like_the_crop(faces: FaceSet) -> None:
    row = faces.rows[1]
    assert faces.painted_mask(row, GEOMETRY) is None
    paint(faces.directory, row.image, left_half(SIZE))
    after = FaceSet.read(faces.directory)
    np.testing.assert_array_equal(after.painted_mask(after.rows[1], GEOMETRY), left_half(SIZE))
    larger = CropGeometry(size=128, coverage=1.0)
    mask = after.painted_mask(after.rows[1], larger)
    assert (mask[:, :62] == 255).all()
    assert not mask[:, 66:].any()
    move(faces.directory, row.image, shift_all(0.125, 0))
    shifted = FaceSet.read(faces.directory)
    mask = shifted.painted_mask(shifted.rows[1], GEOMETRY)
    edge = SIZE // 2 - SIZE // 8
    assert (mask[:, : edge - 2] == 255).all()
    assert not mask[:, edge + 2 :].any()


def test_dropping_and_copying_keep_corrections(faces: FaceSet, tmp_path: Path) -> None:
    image = faces.rows[4].image
    move(faces.directory, image, shift_all(0.1, 0))
    paint(faces.directory, image, left_half(SIZE))
    corrected = FaceSet.read(faces.directory)
    drop_faces(faces.directory, [image], "a test")
    assert not FaceSet.read(faces.directory).corrections.moved
    undo_curate(faces.directory)
    assert FaceSet.read(faces.directory).rows == corrected.rows
    shutil.copytree(faces.directory, tmp_path / "copy")
    copied = FaceSet.read(tmp_path / "copy")
    assert copied.rows == corrected.rows
    assert copied.corrections.painted == {image}


def test_added_faces_keep_corrections_and_detections(faces: FaceSet) -> None:
    image = faces.rows[0].image
    move(faces.directory, image, shift_all(0.1, 0))
    corrected = FaceSet.read(faces.directory)
    values = {**dict(faces.rows[5]), "image": "crops/009_000000_0.jpg"}
    record = FaceRecord(**{key: values[key] for key in FaceRecord.model_fields})
    crop = faces.directory / faces.rows[5].image
    append_faces(corrected, [AddedFace(record, crop, faces.read_embeddings()[5])], ())
    after = FaceSet.read(faces.directory)
    assert after.rows[0] == corrected.rows[0]
    # The file keeps what was detected: without the correction the face is as it was.
    landmarks_path(faces.directory, image).unlink()
    assert FaceSet.read(faces.directory).rows[0] == faces.rows[0]


def change_json(**values: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return change


BAD_LANDMARKS = {
    "another schema": (change_json(schema=7), "update faceloom"),
    "an unknown key": (change_json(more=1), "more"),
    "a landmark twice": (change_json(offsets=[[4, 0.1, 0], [4, 0.2, 0]]), "occurs twice"),
    "another landmark": (change_json(offsets=[[468, 0.1, 0]]), "less than 468"),
    "too far": (change_json(offsets=[[4, 1.5, 0]]), "less than or equal to 1"),
    "not finite": (lambda path: path.write_text(path.read_text().replace("0.1", "NaN")), "finite"),
    "too large": (lambda path: path.write_bytes(b" " * 200_000), "the limit"),
    "not JSON": (lambda path: path.write_text("{"), "JSON"),
    "a crushed face": (
        change_json(offsets=[[n, -0.9, 0] for n in (*EYE_LEFT, NOSE_TIP, MOUTH_LEFT)]),
        "too close together or too far apart; delete it",
    ),
}


@pytest.mark.parametrize("name", BAD_LANDMARKS)
def test_damaged_landmarks_are_refused(faces: FaceSet, name: str) -> None:
    damage, sentence = BAD_LANDMARKS[name]
    image = faces.rows[0].image
    move(faces.directory, image, offsets_of({4: (0.1, 0.0)}))
    damage(landmarks_path(faces.directory, image))
    with pytest.raises(ArtifactRefused, match=sentence) as refused:
        FaceSet.read(faces.directory)
    assert str(landmarks_path(faces.directory, image)) in str(refused.value)


BAD_MASKS = {
    "another size": lambda path: paint(path.parents[1], path.name, left_half(SIZE * 2)),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:60]),
    "no PNG": lambda path: path.write_bytes(b"x" * 500),
    "empty": lambda path: path.write_bytes(b""),
    "too large": lambda path: path.write_bytes(path.read_bytes() + bytes(100_000)),
}


@pytest.mark.parametrize("name", BAD_MASKS)
def test_damaged_masks_are_refused(faces: FaceSet, name: str) -> None:
    row = faces.rows[0]
    paint(faces.directory, row.image, left_half(SIZE))
    BAD_MASKS[name](mask_path(faces.directory, row.image))
    after = FaceSet.read(faces.directory)
    with pytest.raises(ArtifactRefused, match=CORRECTIONS_FOLDER):
        after.painted_mask(row, GEOMETRY)


def test_the_alignment_of_a_rotated_face_is_corrected(faces: FaceSet) -> None:
    row = faces.rows[0]
    mesh, angle = faces.mesh_in_crop(row), 0.2
    turn = np.float32([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    center = GEOMETRY.template_xy().mean(0)
    turned = (mesh - center) @ turn.T + center
    move(faces.directory, row.image, (turned - mesh) / SIZE)
    after = FaceSet.read(faces.directory)
    to_crop = after.corrections.realigned[row.image]
    # The painted mesh is no face, so its five points turn only about as far as the mesh.
    assert np.degrees(np.arctan2(to_crop[1, 0], to_crop[0, 0])) < -2
    np.testing.assert_allclose(
        apply_affine(to_crop, turned), after.mesh_in_crop(after.rows[0]), atol=0.05
    )
