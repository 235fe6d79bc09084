"""The visible parts of faces are found once and kept beside the face set."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.corrections import left_half, move, offsets_of, paint, shift_all
from tests.helpers.facesets import good_faces, write_faceset

from faceloom.array_types import Mask, Rgb
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.parsing.regions import PARSING_SIDE, Region
from faceloom.faceset import FaceRow, FaceSet
from faceloom.faceset.parsing import visible_faces
from faceloom.faceset.parsing.visible_faces import VISIBLE_FILE, VisibleFaces, find_visible_faces
from faceloom.inspect import inspect_path
from faceloom.output_lock import lock_output
from faceloom.progress import Progress, run_to_completion

CROP = CropGeometry(size=96, coverage=1.0)
FACES = 6


class FakeParser:
    """Sees hair in the left half of every crop; counts the crops."""

    parsed = 0
    plausible = True

    def parse_faces(
        self, crops: Sequence[Rgb], mesh_masks: Sequence[Mask]
    ) -> list[np.ndarray | None]:
        type(self).parsed += len(crops)
        regions = np.zeros((PARSING_SIDE, PARSING_SIDE, len(Region)), np.uint8)
        regions[:, : PARSING_SIDE // 2, Region.HAIR] = 255
        regions[:, PARSING_SIDE // 2 :, Region.SKIN] = 255
        return [regions if self.plausible else None for _ in crops]


@pytest.fixture
def parser(monkeypatch: pytest.MonkeyPatch) -> type[FakeParser]:
    fake = type("Fake", (FakeParser,), {})
    monkeypatch.setattr(visible_faces, "FaceParser", fake)
    monkeypatch.setattr(visible_faces, "_BATCH", 2)
    return fake


@pytest.fixture
def faces(tmp_path: Path) -> FaceSet:
    return write_faceset(tmp_path / "ada", good_faces(FACES))


def find(
    faces: FaceSet,
    rows: Sequence[FaceRow] | None = None,
    crop: CropGeometry = CROP,
    report: Callable[[Progress], None] = lambda _: None,
) -> VisibleFaces:
    return run_to_completion(find_visible_faces(faces, rows or faces.rows, crop), report)


@pytest.mark.parametrize("size", [32, 96, 200])
def test_hidden_parts_are_left_out_of_the_mask(
    faces: FaceSet, parser: type[FakeParser], size: int
) -> None:
    geometry = replace_size(CROP, size)
    mask = find(faces).mask(faces.rows[0], np.full((size, size), 255, np.uint8), geometry)
    edge = size // 16
    assert not mask[:, : size // 2 - edge].any()
    assert (mask[:, size // 2 + edge :] == 255).all()
    nothing = find(faces).mask(faces.rows[0], np.zeros((size, size), np.uint8), geometry)
    assert not nothing.any()


def replace_size(crop: CropGeometry, size: int) -> CropGeometry:
    return crop.model_copy(update={"size": size})


def test_a_larger_crop_continues_the_edge_of_the_map(
    faces: FaceSet, parser: type[FakeParser]
) -> None:
    larger = CropGeometry(size=150, coverage=1.5)
    mask = find(faces).mask(faces.rows[0], np.full((150, 150), 255, np.uint8), larger)
    assert not mask[:, :70].any()
    assert (mask[:, 80:] == 255).all()


def test_faces_are_parsed_once(faces: FaceSet, parser: type[FakeParser]) -> None:
    reports: list[Progress] = []
    first = find(faces, report=reports.append)
    assert [report.done for report in reports] == [0, 2, 4, 6]
    assert {(report.stage, report.total, report.note) for report in reports} == {
        ("face regions", FACES, "ada")
    }
    reports.clear()
    again = find(FaceSet.read(faces.directory), report=reports.append)
    assert not reports
    assert parser.parsed == FACES
    assert first.maps.keys() == again.maps.keys()
    for checksum, visible in first.maps.items():
        np.testing.assert_array_equal(again.maps[checksum], visible)


def test_added_faces_alone_are_parsed(faces: FaceSet, parser: type[FakeParser]) -> None:
    find(faces, faces.rows[:4])
    assert parser.parsed == 4
    find(faces)
    assert parser.parsed == FACES
    find(faces)
    assert parser.parsed == FACES


def test_an_interrupted_search_keeps_what_it_found(
    faces: FaceSet, parser: type[FakeParser]
) -> None:
    work = find_visible_faces(faces, faces.rows, CROP)
    for progress in work:
        if progress.done:
            break
    work.close()
    parser.parsed = 0
    find(faces)
    assert parser.parsed == FACES - 2


def test_another_face_under_the_same_file_name_is_parsed(
    faces: FaceSet, parser: type[FakeParser], tmp_path: Path
) -> None:
    find(faces)
    row = faces.rows[0]
    moved = row.model_copy(update={"points_xy": tuple((x + 1, y) for x, y in row.points_xy)})
    parser.parsed = 0
    find(replace(faces, rows=(moved, *faces.rows[1:])))
    assert parser.parsed == 1


def test_corrected_faces_are_parsed_again_or_painted(
    faces: FaceSet, parser: type[FakeParser]
) -> None:
    find(faces)
    parser.parsed = 0
    move(faces.directory, faces.rows[0].image, shift_all(0.1, 0))
    move(faces.directory, faces.rows[1].image, offsets_of({200: (0.1, 0)}))
    paint(faces.directory, faces.rows[2].image, left_half(64))
    corrected = FaceSet.read(faces.directory)
    visible = find(corrected)
    assert parser.parsed == 2
    outline = np.full((96, 96), 255, np.uint8)
    # The network sees hair in the left half; the person painted the face there.
    seen, painted = (visible.mask(corrected.rows[index], outline, CROP) for index in (3, 2))
    assert not seen[:, :40].any()
    assert (painted[:, :40] == 255).all()
    assert not painted[:, 56:].any()
    outline[:48] = 0
    assert not visible.mask(corrected.rows[2], outline, CROP)[:48].any()


def test_another_network_or_crop_replaces_the_file(
    faces: FaceSet, parser: type[FakeParser], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        find(faces, crop=replace_size(CROP, 256))
    assert parser.parsed == FACES
    find(faces, crop=CropGeometry(size=96, coverage=0.9))
    assert parser.parsed == 2 * FACES
    other = replace(visible_faces.FACE_PARSER, sha256="0" * 64)
    monkeypatch.setattr(visible_faces, "FACE_PARSER", other)
    for _ in range(2):
        find(faces, crop=CropGeometry(size=96, coverage=0.9))
    assert parser.parsed == 3 * FACES


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def without_an_array(path: Path) -> None:
    with np.load(path) as arrays:
        kept = {name: arrays[name] for name in arrays.files if name != "faces"}
    np.savez(path, **kept)


def of_another_shape(path: Path) -> None:
    with np.load(path) as arrays:
        np.savez(path, **{**arrays, "visible": arrays["visible"][:, :64]})


@pytest.mark.parametrize(
    "damage",
    [
        truncated,
        without_an_array,
        of_another_shape,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"x" * 999),
    ],
)
def test_a_damaged_file_is_replaced(
    faces: FaceSet, parser: type[FakeParser], damage: Callable[[Path], None]
) -> None:
    find(faces)
    damage(faces.directory / VISIBLE_FILE)
    for _ in range(2):
        assert len(find(faces).maps) == FACES
    assert parser.parsed == 2 * FACES


def test_a_file_that_expands_too_far_is_not_read(
    faces: FaceSet, parser: type[FakeParser], monkeypatch: pytest.MonkeyPatch
) -> None:
    find(faces)
    monkeypatch.setattr(visible_faces, "_UNCHECKED_BYTES", 0)
    monkeypatch.setattr(visible_faces, "_MAX_RATIO", 1)
    find(faces)
    assert parser.parsed == 2 * FACES


def test_a_face_set_that_cannot_be_written_is_parsed_in_memory(
    faces: FaceSet, parser: type[FakeParser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visible_faces, "_LOCK_SECONDS", 0)
    with lock_output(faces.directory):
        assert len(find(faces).maps) == FACES
    monkeypatch.setattr(visible_faces.os, "access", lambda *_: False)
    assert len(find(faces).maps) == FACES
    assert not (faces.directory / VISIBLE_FILE).exists()
    monkeypatch.undo()


def test_implausible_regions_leave_the_mesh_mask(
    faces: FaceSet, parser: type[FakeParser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parser, "plausible", False)
    outline = np.random.default_rng(0).integers(0, 256, (96, 96), np.uint8)
    np.testing.assert_array_equal(find(faces).mask(faces.rows[0], outline, CROP), outline)


def test_readers_of_the_face_set_pass_over_the_file(
    faces: FaceSet, parser: type[FakeParser]
) -> None:
    before = inspect_path(faces.directory)
    find(faces)
    assert (faces.directory / VISIBLE_FILE).is_file()
    after = inspect_path(faces.directory)
    assert after.kind == before.kind
    assert after.details["faces"] == before.details["faces"] == FACES
    assert len(FaceSet.read(faces.directory)) == FACES
