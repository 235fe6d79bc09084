"""A member of a .zip is read at any position, and only if its checksum is right."""

import io
import zipfile
from pathlib import Path

import pytest

from faceloom_export.importers.zip_member import open_zip_member

CONTENT = bytes(range(256)) * 5000


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_member_is_read_at_any_position(method: int, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("first", b"x" * 999)
        archive.writestr("second", CONTENT)
        archive.writestr("third", b"y" * 999)
    with (
        zipfile.ZipFile(path) as archive,
        open_zip_member(archive, "second", path) as member,
    ):
        assert isinstance(member, io.BytesIO) == (method == zipfile.ZIP_DEFLATED)
        assert member.read() == CONTENT
        assert member.read(1) == b""
        assert member.seek(-10, io.SEEK_END) == len(CONTENT) - 10
        assert member.read(100) == CONTENT[-10:]
        assert member.seek(300) == member.tell() == 300
        assert member.read(5) == CONTENT[300:305]
        assert member.seek(-5, io.SEEK_CUR) == 300
        assert member.seek(10**9) == 10**9
        assert member.read(5) == b""
        with pytest.raises(KeyError):
            open_zip_member(archive, "fourth", path).__enter__()


def test_damaged_member_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("first", CONTENT)
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    with (
        zipfile.ZipFile(path) as archive,
        pytest.raises(zipfile.BadZipFile),
        open_zip_member(archive, "first", path),
    ):
        pass
