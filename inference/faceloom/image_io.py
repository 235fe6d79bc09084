"""Images on disk."""

import io
import re
import struct
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from faceloom.array_types import Rgb
from faceloom.atomic import atomic_file
from faceloom.errors import FaceloomError, MediaUnreadable, ProviderMissing, UsageError
from faceloom.installation import extras_advice
from faceloom.safe_read import read_bounded

# Largest image file that is read, in bytes.
_MAX_BYTES = 2**30
# Signature of PNG files.
_PNG = b"\x89PNG\r\n\x1a\n"
# Signature of JPEG files.
_JPEG = b"\xff\xd8\xff"
# The next marker in a JPEG's data: 00 is a stuffed byte, D0 to D7 are restarts, FF is padding.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
# Signatures of TIFF files, and the byte order of `struct` for each.
_TIFF_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
# TIFF's tag for the compression, and its values for JPEG (old and new style).
_TIFF_COMPRESSION = 259
_TIFF_JPEG = (6, 7)
# Brands of HEIF files (ISO/IEC 23008-12) whose pictures are coded with HEVC.
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")
# Most pixels of a picture or a frame: 16,384 squared, above any camera, 800 MB as RGB. OpenCV gets
# the same limit when `faceloom` is imported.
MAX_PIXELS = 2**28
PICTURE_EXTENSIONS = frozenset(".jpg .jpeg .png .bmp .webp .tif .tiff .heic .heif".split())


def natural_sort(files: Iterable[Path]) -> list[Path]:
    """Sort files by name with numbers in numeric order: image 2 before image 10.

    Args:
        files: The files.
    """
    return sorted(files, key=_natural)


def _natural(file: Path) -> tuple[list[tuple[int, str]], str]:
    parts = re.split(r"(\d+)", file.name.lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts], file.name


def read_picture(path: Path) -> Rgb:
    """Decode an image, turned and mirrored by its orientation.

    Args:
        path: The image file.

    Returns:
        8-bit RGB.

    Raises:
        UsageError: The file does not exist.
        MediaUnreadable: The file is damaged, cut off or not an image.
        ProviderMissing: The file is a HEIC and the extra that reads these is not installed.
    """
    return decode_picture(read_picture_file(path), path)


def decode_picture(data: bytes, path: Path) -> Rgb:
    """Decode an image, turned and mirrored by its orientation.

    Args:
        data: Content of the file, checked to be complete.
        path: The file, for messages.

    Returns:
        8-bit RGB.

    Raises:
        MediaUnreadable: The file is damaged or not an image.
        ProviderMissing: The file is a HEIC and the extra that reads these is not installed.
    """
    if is_heif(data):
        return decode_heif(data, path)
    try:
        complete = data and not _declares_too_much(data)
        rgb = (
            cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if complete else None
        )
    # More pixels than the limit that `faceloom` sets, or unexpected damage.
    except cv2.error:
        rgb = None
    if rgb is None:
        raise MediaUnreadable(
            f"{path} is not an image that can be decoded; check that it opens in a viewer."
        )
    return rgb.astype(np.uint8, copy=False)


def read_picture_file(path: Path) -> bytes:
    """Read the file of an image and check that it is complete.

    Args:
        path: The image file.

    Raises:
        UsageError: The file does not exist.
        MediaUnreadable: The file is empty, or a JPEG or HEIF that is cut off: decoders fill what is
            missing with gray or leave it undefined.
    """
    if not path.is_file():
        raise UsageError(f"{path} does not exist; check the path.")
    data = read_bounded(path, _MAX_BYTES)
    check_complete(data, path)
    return data


def check_complete(data: bytes, path: Path) -> None:
    """Check that an image is not cut off.

    Args:
        data: Content of the file.
        path: The file, for messages.

    Raises:
        MediaUnreadable: The file is empty, or a JPEG or HEIF that is cut off.
    """
    if not data:
        raise MediaUnreadable(f"{path} is empty; copy or download it again.")
    cut_off = data.startswith(_JPEG) and not _jpeg_has_end(data)
    if cut_off or (is_heif(data) and not _has_all_boxes(data)):
        raise MediaUnreadable(
            f"{path} is cut off: its data end before its picture does; copy or download it again."
        )


def _jpeg_has_end(data: bytes) -> bool:
    """Return whether a JPEG has its end marker (ITU-T T.81, B.1.1.3).

    Segments are skipped by their lengths, since one may hold a thumbnail with an end of its own.
    """
    at = 2
    while marker := _JPEG_MARKER.search(data, at):
        kind = marker[1][0]
        if kind == 0xD9:
            return True
        at = marker.end()
        # 01 has no length.
        if kind != 0x01:
            at += int.from_bytes(data[at : at + 2], "big")
    return False


def _has_all_boxes(data: bytes) -> bool:
    """Return whether a file ends where its last box does (ISO/IEC 14496-12, 4.2)."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:
            # The last box, up to the end of the file.
            return True
        at += max(size, 8)
    return at <= len(data)


def is_jpeg_in_tiff(data: bytes) -> bool:
    """Return whether a TIFF is compressed as JPEG; FFmpeg decodes its colors wrongly.

    Args:
        data: Content of the file.
    """
    order = _TIFF_ORDERS.get(data[:4])
    if order is None:
        return False
    (at,) = struct.unpack_from(f"{order}I", data, 4) if len(data) >= 8 else (0,)
    count = int.from_bytes(data[at : at + 2], "little" if order == "<" else "big")
    entries = data[at + 2 : at + 2 + 12 * count]
    whole = entries[: len(entries) // 12 * 12]
    return any(
        tag == _TIFF_COMPRESSION and value in _TIFF_JPEG
        for tag, _, _, value in struct.iter_unpack(f"{order}HHIHxx", whole)
    )


def is_heif(data: bytes) -> bool:
    """Return whether a file is a HEIF picture that is coded with HEVC, as phones write.

    Args:
        data: Content of the file, or its first 12 bytes.
    """
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS


def _check_heif_size(size: tuple[int, int], path: Path) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise MediaUnreadable(
            f"{path} has more than {MAX_PIXELS / 1e6:.0f} million pixels; scale it down."
        )


def decode_heif(data: bytes, path: Path) -> Rgb:
    """Decode a HEIF picture: all its tiles, turned and mirrored by its properties.

    Args:
        data: Content of the file.
        path: The file, for messages.

    Returns:
        8-bit RGB.

    Raises:
        ProviderMissing: The package pi-heif is not installed.
        MediaUnreadable: The file is damaged.
    """
    try:
        import pi_heif  # noqa: PLC0415  an extra
    except ModuleNotFoundError as error:
        raise ProviderMissing(
            f"{path} is a HEIC, which needs the package pi-heif; {extras_advice('heif')}"
        ) from error
    try:
        picture = pi_heif.open_heif(io.BytesIO(data))
        _check_heif_size(picture.size, path)
        # A copy: the package's array refers to memory that goes with `picture`.
        pixels = np.array(picture)
    except FaceloomError:
        raise
    # The package raises whatever its Python and C++ parts do with a damaged file.
    except Exception as error:
        raise MediaUnreadable(
            f"{path} is damaged and cannot be decoded ({error}); copy or download it again."
        ) from error
    if pixels.ndim == 2 or pixels.shape[2] < 3:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], -1)[..., :1], 3, 2)
    return np.ascontiguousarray(pixels[..., :3], np.uint8)


def _declares_too_much(data: bytes) -> bool:
    """Return whether a PNG chunk declares more bytes than the file has.

    OpenCV allocates and fills up to 4 GB for such a chunk.
    """
    at, kind = len(_PNG), b""
    while data.startswith(_PNG) and kind != b"IEND" and at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        at += 12 + length
    return at > len(data)


def write_png(path: Path, picture: Rgb) -> None:
    """Write a PNG atomically.

    Args:
        path: The file to write.
        picture: 8-bit RGB.
    """
    with atomic_file(path) as part:
        part.write_bytes(encode_picture(picture, ".png"))


def encode_picture(picture: Rgb, extension: str, options: tuple[int, ...] = ()) -> bytes:
    """Encode an image.

    Args:
        picture: 8-bit RGB.
        extension: Selects the format, for example ".png".
        options: OpenCV's IMWRITE flags and their values.

    Returns:
        The content of the image file.
    """
    encoded, data = cv2.imencode(extension, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    assert encoded, "OpenCV encodes every uint8 image"
    return data.tobytes()
