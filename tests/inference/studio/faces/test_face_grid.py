"""The table of a face set agrees with the face set, and follows its changes."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.facesets import changed, good_faces, write_faceset

from faceloom.errors import ArtifactRefused
from faceloom.faceset import FaceSet
from faceloom.faceset.similarity import near_duplicates, similarities
from faceloom.studio.faces import face_grid
from faceloom.studio.faces.face_grid import SORT_ORDERS, FaceGrids
from faceloom.studio.faces.face_rows import crop_name, read_face_rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """24 faces: 3 blurred, 3 of another person, 2 near-duplicates of a third face."""
    faces = changed(good_faces(24), 3 / 24, sharpness=0.1)
    faces = [*faces[:3], *changed(faces[3:6], person=1), *faces[6:]]
    alike = {"hash": "00000000000000ff", "yaw": 5.0, "pitch": 1.0}
    faces[20:23] = [
        replace(face, **alike, mouth_open=0.3, eyes_open=0.25, sharpness=0.8 + n / 10)
        for n, face in enumerate(faces[20:23])
    ]
    write_faceset(tmp_path / "ada", faces)
    return tmp_path / "ada"


def test_the_table_has_the_values_of_the_face_set(folder: Path) -> None:
    faces, grid = FaceSet.read(folder), FaceGrids().get(folder)
    assert grid.names() == [crop_name(row.image) for row in faces.rows]
    columns = grid.columns()
    expected = {
        "file": [row.file for row in faces.rows],
        "frame": [row.frame for row in faces.rows],
        "track": [row.track for row in faces.rows],
        "seconds": [row.seconds for row in faces.rows],
        "sharpness": [row.quality.sharpness for row in faces.rows],
        "yaw": [row.pose.yaw for row in faces.rows],
        "pitch": [row.pose.pitch for row in faces.rows],
        "size": [row.size for row in faces.rows],
        "brightness": [row.quality.exposure for row in faces.rows],
        "similarity": similarities(faces.read_embeddings()),
    }
    assert columns.keys() == {*expected, "group", "corrected"}
    assert columns["corrected"] == [0] * len(faces)
    for name, values in expected.items():
        # Yaw and pitch have one decimal.
        assert columns[name] == pytest.approx(list(values), abs=0.051), name
    assert grid.duplicate.tolist() == near_duplicates(faces.rows).tolist()
    assert columns["group"][20:23] == [22, 22, 22]


def test_the_json_has_all_columns_and_every_order_names_one(folder: Path) -> None:
    table = json.loads(FaceGrids().get_json(folder))
    assert table["identity"] == "ada"
    assert table["files"] == [f"ada{n}.mp4" for n in range(5)]
    assert (len(table["names"]), table["can_undo"]) == (24, False)
    assert {len(column) for column in table["columns"].values()} == {24}
    assert {column for order in SORT_ORDERS for column in order.columns} <= set(table["columns"])
    others = [value < table["same_person"] for value in table["columns"]["similarity"]]
    assert np.flatnonzero(others).tolist() == [3, 4, 5]


def test_rows_are_read_once_and_crops_followed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    def read(directory: Path) -> np.ndarray:
        reads.append(directory)
        return read_face_rows(directory)

    monkeypatch.setattr(face_grid, "read_face_rows", read)
    grids = FaceGrids()
    assert grids.get(folder) is grids.get(folder)
    crop = folder / "crops" / f"{grids.get(folder).names()[0]}.jpg"
    crop.rename(folder / "kept.jpg")
    assert len(grids.get(folder)) == 23
    (folder / "kept.jpg").rename(crop)
    assert len(grids.get(folder)) == 24
    assert len(reads) == 1
    os.utime(folder / "faces.jsonl", (1, 1))
    assert len(grids.get(folder)) == 24
    assert len(reads) == 2


def test_few_tables_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_grid, "_KEPT_TABLES", 1)
    other = folder.with_name("ben")
    write_faceset(other, good_faces(3), "ben")
    grids = FaceGrids()
    first = grids.get(folder)
    grids.get(other)
    assert grids.get(folder) is not first


def test_files_with_other_names_are_no_faces(folder: Path) -> None:
    (folder / "corrections").mkdir()
    for path, suffix in (("crops", ".jpg"), ("corrections", ".json")):
        (folder / path / os.fsdecode(b"caf\xe9" + suffix.encode())).touch()
    grid = FaceGrids().get(folder)
    assert len(grid) == 24
    assert not grid.corrected.any()


def test_a_face_set_without_faces_has_an_empty_table(folder: Path) -> None:
    for crop in (folder / "crops").iterdir():
        crop.unlink()
    table = json.loads(FaceGrids().get_json(folder))
    assert (table["names"], table["columns"]["similarity"]) == ([], [])


def _cut_off(folder: Path) -> None:
    path = folder / "faces.jsonl"
    path.write_text(path.read_text()[:-3000])


def _without_pose(folder: Path) -> None:
    path = folder / "faces.jsonl"
    path.write_text(path.read_text().replace('"pose"', '"rose"', 1))


def _twice(folder: Path) -> None:
    path = folder / "faces.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, lines[0]]))


def _short_embeddings(folder: Path) -> None:
    np.save(folder / "embeddings.npy", np.zeros((3, 192), np.float32))


def _large_index(folder: Path) -> None:
    path = folder / "faces.jsonl"
    path.write_text(path.read_text().replace('"embedding":0', '"embedding":99999999999', 1))


def _linked(folder: Path) -> None:
    (folder / "crops/link.jpg").symlink_to("/etc/hostname")


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "no face set": (lambda folder: (folder / "faceset.json").unlink(), "not a face set"),
    "no rows": (lambda folder: (folder / "faces.jsonl").unlink(), "has no faces.jsonl"),
    "a row is cut off": (_cut_off, "line 24"),
    "a row has no pose": (_without_pose, "line 1: pose: Field required"),
    "a crop occurs twice": (_twice, "a crop occurs twice"),
    "too few embeddings": (_short_embeddings, "embeddings.npy has shape"),
    "an index too large": (_large_index, "line 1: an index is larger"),
    "a link": (_linked, "symbolic link"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_face_set_is_refused(folder: Path, name: str) -> None:
    damage, words = DAMAGES[name]
    damage(folder)
    with pytest.raises(ArtifactRefused, match=words):
        FaceGrids().get(folder)


def test_landmarks_are_not_needed(folder: Path) -> None:
    """A row whose landmarks are written differently is parsed as a whole."""
    rows = read_face_rows(folder)
    path = folder / "faces.jsonl"
    lines = [json.dumps(json.loads(line)) for line in path.read_text().splitlines()]
    assert '"mesh_xy": [' in lines[0]
    path.write_text("\n".join(lines))
    assert (read_face_rows(folder) == rows).all()
