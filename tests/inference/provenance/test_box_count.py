"""Boxes are counted at every level, before C2PA reads them."""

import io
import struct
from pathlib import Path

import pytest
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.disclosure_marks import mark_file, needs_c2pa
from tests.helpers.fuzzing.box_mutations import make_box

from faceloom.provenance import verify
from faceloom.provenance.box_count import MAX_BOXES, has_too_many_boxes
from faceloom.provenance.credentials import _TOO_MANY_BOXES

TYPE = make_box(b"ftyp", b"isom")
MANY = make_box(b"free") * MAX_BOXES


@pytest.mark.parametrize(
    ("content", "too_many"),
    [
        (TYPE, False),
        (TYPE + MANY[8:], False),
        (TYPE + MANY, True),
        (TYPE + make_box(b"moov", make_box(b"trak", MANY)), True),
        (TYPE + make_box(b"meta", bytes(4) + MANY), True),
        (TYPE + make_box(b"mdat", MANY), False),
        (TYPE + struct.pack(">I4sQ", 1, b"moov", 16 + len(MANY)) + MANY, True),
        (TYPE + struct.pack(">I4s", 0, b"moov") + MANY, True),
        (TYPE + struct.pack(">I4s", 3, b"moov") + MANY, False),
        (TYPE + struct.pack(">I4sQ", 1, b"free", 0) + MANY, False),
        (b"\x89PNG" + MANY, False),
        (b"", False),
    ],
)
def test_counts_boxes(content: bytes, too_many: bool) -> None:
    file = io.BytesIO(content)
    file.seek(3)
    assert has_too_many_boxes(file) == too_many
    assert file.tell() == 3


@needs_c2pa
def test_file_of_many_boxes_is_not_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "a.mp4", wave_images(2))
    mark_file(path)
    with path.open("ab") as file:
        file.write(MANY)
    # Both would take minutes for more boxes.
    monkeypatch.setattr("c2pa.Reader", None)
    monkeypatch.setattr("c2pa.Builder.add_ingredient", None)
    report = verify(path)
    assert report.credentials is not None
    assert (report.credentials.state, report.credentials.errors) == (
        "Unchecked",
        (_TOO_MANY_BOXES,),
    )
    assert report.verdict == "unchecked"
    assert report.tags, "the tags are read"
    assert f"reason     {_TOO_MANY_BOXES}" in report.to_text()
    marks = mark_file(make_clip(tmp_path / "b.mp4", wave_images(2)), source=path)
    assert f"C2PA cannot read a.mp4 ({_TOO_MANY_BOXES})" in str(marks)
