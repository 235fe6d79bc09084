"""The format of a file is detected by its content."""

from pathlib import Path

import pytest

from faceloom.provenance.mime_type import detect_mime_type


@pytest.mark.parametrize(
    ("header", "mime_type"),
    [
        (b"\0\0\0 ftypisom", "video/mp4"),
        (b"\0\0\0 ftypqt  ", "video/quicktime"),
        (b"\0\0\0 ftypheic", "image/heic"),
        (b"RIFF\0\0\0\0AVI ", "video/avi"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"MM\0*\0\0\0\x08", "image/tiff"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x1a\x45\xdf\xa3", None),
        (b"", None),
    ],
)
def test_content_determines_the_mime_type(
    tmp_path: Path, header: bytes, mime_type: str | None
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(header + bytes(99) if header else b"")
    assert detect_mime_type(path) == mime_type
