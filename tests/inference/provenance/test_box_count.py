"""Boxes are counted at every level, before C2PA reads them."""

import io
import struct
import time
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
def test_file_of_many_boxes_is_not_checked_in_little_time(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", wave_images(2))
    mark_file(path)
    with path.open("ab") as file:
        file.write(make_box(b"free") * 50_000)
    started = time.process_time()
    report = verify(path)
    # Validated, it takes half a minute.
    assert time.process_time() - started < 5
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
