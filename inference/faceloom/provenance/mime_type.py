"""Detect the format of a file that can have C2PA credentials."""

from pathlib import Path

# MIME types by the major brand of a file of boxes; other brands are those of MP4.
_BRANDS = {
    b"qt  ": "video/quicktime",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"avif": "image/avif",
}
# MIME types by the form of a RIFF file.
_RIFF_FORMS = {b"WEBP": "image/webp", b"AVI ": "video/avi"}
# MIME types of images by their first bytes.
_SIGNATURES = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
}
# Bytes that are read.
_HEADER_LENGTH = 12


def detect_mime_type(path: Path) -> str | None:
    """Return a file's MIME type by its first bytes, whatever its suffix.

    Args:
        path: The file.

    Returns:
        The MIME type; None for a format without C2PA credentials.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_LENGTH)
    if header[4:8] == b"ftyp":
        return _BRANDS.get(header[8:], "video/mp4")
    if header.startswith(b"RIFF"):
        return _RIFF_FORMS.get(header[8:])
    return next((_SIGNATURES[start] for start in _SIGNATURES if header.startswith(start)), None)
