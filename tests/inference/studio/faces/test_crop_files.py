"""The crops of a face set by the names of its faces."""

from pathlib import Path

import pytest

from faceloom.errors import UsageError
from faceloom.studio.faces.crop_files import crop_names, crop_path

BAD_NAMES = [
    "",
    "..",
    "../crops/000_000000_0",
    "000_000000_0.jpg",
    "/etc/passwd",
    "a\0b",
    "a" * 101,
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the crops of two faces and with other files."""
    (tmp_path / "crops").mkdir()
    for name in ("000_1.jpg", "000_2.jpg", "\u00e9.jpg", ".jpg", "a.b.jpg", "000_3.png"):
        (tmp_path / "crops" / name).touch()
    (tmp_path / "crops/link.jpg").symlink_to("000_1.jpg")
    return tmp_path


def test_crops_are_listed(folder: Path) -> None:
    assert sorted(crop_names(folder)) == ["000_1", "000_2", "link"]
    assert crop_names(folder / "crops") == []


def test_a_face_has_its_crop(folder: Path) -> None:
    assert crop_path(folder, "000_1") == folder / "crops/000_1.jpg"


@pytest.mark.parametrize("name", BAD_NAMES)
def test_other_texts_are_refused(folder: Path, name: str) -> None:
    with pytest.raises(UsageError, match="not the name of a face"):
        crop_path(folder, name)


@pytest.mark.parametrize("name", ["nobody", "link"])
def test_a_face_without_a_crop_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"has no face '{name}'"):
        crop_path(folder, name)
