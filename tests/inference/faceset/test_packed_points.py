"""Packed points behave like a tuple of points and are written as one."""

import sys
from pathlib import Path

import numpy as np
from tests.helpers.facesets import good_faces, write_faceset

from faceloom.faceset import FaceRow
from faceloom.faceset.packed_points import PackedPoints

POINTS = tuple((n / 3, -n / 7) for n in range(468))


def test_packed_points_are_a_sequence_and_an_array() -> None:
    packed = PackedPoints(POINTS)
    assert tuple(packed) == POINTS
    assert len(packed) == 468
    assert packed[3] == POINTS[3]
    assert packed[-2:] == POINTS[-2:]
    np.testing.assert_array_equal(np.asarray(packed), np.array(POINTS))
    assert np.asarray(packed, np.float32).dtype == np.float32
    assert packed == PackedPoints(list(POINTS))
    assert packed != PackedPoints(POINTS[1:])
    assert hash(packed) == hash(PackedPoints(POINTS))


def test_a_row_packs_its_landmarks_and_writes_them_exactly(tmp_path: Path) -> None:
    row = write_faceset(tmp_path / "ada", good_faces(1)).rows[0]
    row = FaceRow.model_validate({**dict(row), "mesh_xy": POINTS})
    assert isinstance(row.mesh_xy, PackedPoints)
    assert sys.getsizeof(row.mesh_xy._numbers) < 8_000
    assert FaceRow.model_validate_json(row.model_dump_json()) == row
