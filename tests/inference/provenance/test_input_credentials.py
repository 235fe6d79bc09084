"""The credentials of another program in a target become an input of the output's credentials."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.content_credentials import (
    CAMERA_SOURCE_TYPE,
    THUMBNAIL,
    camera_key,
    sign_as_camera,
)
from tests.helpers.disclosure_marks import mark_file, needs_c2pa

from faceloom.hashing import sha256_of_file
from faceloom.progress import run_to_completion
from faceloom.provenance import VerificationReport, WrittenMarks, verify
from faceloom.provenance.verify import C2PA_STORE
from faceloom.swap import ConvertOptions, convert
from faceloom.video import FrameRange

pytestmark = needs_c2pa


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """The sample's target as a camera signed it."""
    folder = tmp_path_factory.mktemp("camera")
    key = camera_key(folder / "home")
    return sign_as_camera(sample / "target_ada.mp4", key, folder / "recording.mp4")


def mark_output(out: Path, source: Path) -> tuple[WrittenMarks, VerificationReport]:
    """Mark a short video whose input is `source`."""
    make_clip(out, wave_images(2))
    return mark_file(out, source=source), verify(out)


def test_credentials_of_a_camera_are_not_a_disclosure(recording: Path) -> None:
    report = verify(recording)
    assert report.verdict == "unmarked"
    assert report.credentials is not None
    assert report.credentials.state == "Valid"
    assert report.credentials.source_types == (CAMERA_SOURCE_TYPE,)


def test_conversion_keeps_the_credentials_of_a_camera(tmp_path: Path, recording: Path) -> None:
    bundle, out = make_bundle(tmp_path / "ben.bundle"), tmp_path / "out.mp4"
    options = ConvertOptions(frame_range=FrameRange.parse("0:2"))
    summary = run_to_completion(convert(recording, bundle, out, options))
    assert summary.marks.formats == ("tags", "XMP", "C2PA")
    assert not summary.marks.limitations
    report = verify(out)
    assert report.verdict == "valid"
    assert report.credentials is not None
    (source,) = report.credentials.ingredients
    assert (source.title, source.errors) == ("recording.mp4", ())
    assert source.signer.startswith("Camera on this machine")
    # The camera's whole manifest is in the output's, also its thumbnail.
    assert THUMBNAIL in out.read_bytes()


def test_changed_input_is_reported_as_changed(tmp_path: Path, recording: Path) -> None:
    data = bytearray(recording.read_bytes())
    data[data.find(b"mdat") + 100] ^= 1
    (tmp_path / "changed.mp4").write_bytes(data)
    marks, report = mark_output(tmp_path / "out.mp4", tmp_path / "changed.mp4")
    assert marks.formats[-1] == "C2PA"
    assert report.verdict == "valid", "the output itself is unchanged"
    assert report.credentials is not None
    (source,) = report.credentials.ingredients
    assert source.errors == ("assertion.bmffHash.mismatch",)
    assert "changed.mp4 (with invalid credentials (assertion.bmffHash" in report.to_text()


def _erase(data: bytes) -> bytes:
    start = data.find(C2PA_STORE) + 500
    return data[:start] + bytes(300) + data[start + 300 :]


def _extend(data: bytes) -> bytes:
    start = data.find(C2PA_STORE) - 4
    return data[:start] + b"\xff" * 4 + data[start + 4 :]


@pytest.mark.parametrize("damage", [_erase, _extend])
def test_unreadable_credentials_are_named_and_left_out(
    tmp_path: Path, recording: Path, damage: Callable[[bytes], bytes]
) -> None:
    source = tmp_path / "damaged.mp4"
    source.write_bytes(damage(recording.read_bytes()))
    marks, report = mark_output(tmp_path / "out.mp4", source)
    assert marks.formats[-1] == "C2PA"
    (limitation,) = marks.limitations
    assert limitation.startswith("C2PA cannot read damaged.mp4 (")
    assert limitation.endswith("); any credentials in it are left out.")
    assert report.verdict == "valid"
    assert report.credentials is not None
    (ingredient,) = report.credentials.ingredients
    assert ingredient.identifier == f"sha256:{sha256_of_file(source)}"
