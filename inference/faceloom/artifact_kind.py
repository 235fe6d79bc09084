"""Recognize what a path holds, and say which command leads from there to what is needed.

Looks at names and first bytes only: nothing is decoded or parsed.
"""

import re
import shlex
from enum import StrEnum
from pathlib import Path

from faceloom.errors import ArtifactRefused, FaceloomError, UsageError
from faceloom.image_io import PICTURE_EXTENSIONS

# Start of the sentence that marks a swapped video or picture.
SENTENCE_PREFIX = "Made with faceloom"
# Bytes at either end of a file that are searched for the sentence: containers store tags there.
_MARK_BYTES = 4 * 2**20
# Bytes at the end of a .zip that are searched for names of its files.
_DIRECTORY_BYTES = 2**16
# Bytes at the start of a document that tell whether Faceloom wrote it.
_DOCUMENT_BYTES = 4096
# Files of a folder that are looked at to tell footage from other folders.
_MAX_FILES = 1000
# Length of a packet of an MPEG transport stream in bytes, which begins with 0x47.
_TS_PACKET = 188
# Brands of ISO media files that are pictures.
_PICTURE_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
# First bytes of pictures.
_PICTURE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"\0\0\1\0")
# First bytes of videos: Matroska, ASF, FLV, MPEG, Ogg, GIF.
_VIDEO_STARTS = (
    b"\x1aE\xdf\xa3",
    b"0&\xb2u",
    b"FLV",
    b"\0\0\1\xba",
    b"\0\0\1\xb3",
    b"OggS",
    b"GIF8",
)
# Types of the first box of ISO media files.
_ISO_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


# Start of an address: two letters or more, as one letter is a drive.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


class Kind(StrEnum):
    """What a path holds, as a phrase."""

    VIDEO = "a video"
    SWAPPED_VIDEO = "a video that Faceloom swapped"
    PICTURE = "a picture"
    SWAPPED_PICTURE = "a picture that Faceloom swapped"
    FOOTAGE_FOLDER = "a folder of pictures or videos"
    FACE_SET = "a face set"
    RUN = "a run"
    BUNDLE = "a bundle"
    PROJECT = "a project"
    DFM = "a .dfm"
    KERAS = "a Keras model"
    FOLDER = "a folder"
    FILE = "another file"
    MISSING = "missing"


class Purpose(StrEnum):
    """What a path is needed as, as a phrase."""

    FOOTAGE = "footage"
    TARGET = "a video or picture"
    FACE_SET = "a face set"
    RUN = "a run"
    BUNDLE = "a bundle"
    MODEL = "a .dfm or a faceswap model"
    ARTIFACT = "a bundle, .dfm, face set, run or project"
    MARKED = "one video or picture"


# Document of an artifact that is a folder: the artifact, and bytes at the start that another
# program's document of that name does not have.
_DOCUMENTS = {
    "faceset.json": (Kind.FACE_SET, b'"faceloom_version"'),
    "manifest.json": (Kind.BUNDLE, b'"faceloom_version"'),
    "config.yaml": (Kind.RUN, b"\nfaces:"),
    "project.json": (Kind.PROJECT, b'"faceloom_version"'),
}
_MEDIA = (Kind.VIDEO, Kind.SWAPPED_VIDEO, Kind.PICTURE, Kind.SWAPPED_PICTURE)
_SWAPPED = (Kind.SWAPPED_VIDEO, Kind.SWAPPED_PICTURE)
# The kinds that serve a purpose.
_ACCEPTED: dict[Purpose, tuple[Kind, ...]] = {
    Purpose.FOOTAGE: (*_MEDIA, Kind.FOOTAGE_FOLDER),
    Purpose.TARGET: (*_MEDIA, Kind.FOOTAGE_FOLDER),
    Purpose.FACE_SET: (Kind.FACE_SET,),
    Purpose.RUN: (Kind.RUN,),
    Purpose.BUNDLE: (Kind.BUNDLE,),
    Purpose.MODEL: (Kind.DFM, Kind.KERAS),
    Purpose.ARTIFACT: (Kind.BUNDLE, Kind.DFM, Kind.FACE_SET, Kind.RUN, Kind.PROJECT),
    Purpose.MARKED: _MEDIA,
}
_EXTRACT = "make a face set with: faceloom extract {path} --out NAME"
_TRAIN = (
    "train with it: faceloom train --config laptop_128 --faces NAME={path} --faces OTHER=FACESET "
    "--run RUN"
)
_EXPORT = "export one with: faceloom export {path} --identity NAME --out NAME.bundle"
_CONVERT = "convert with it: faceloom convert TARGET --bundle {path} --out OUT"
_IMPORT = "make a bundle with: faceloom import {path} --name NAME --out NAME.bundle"
_INSPECT = "describe it with: faceloom inspect {path}"
_VERIFY = "read its marks with: faceloom verify {path}"
_CONTINUE = "continue it with the same faceloom swap command"
_SOURCE_RUN = "give the run that it was exported from"
_REAL_FOOTAGE = (
    "its face was made by a network: make a face set of the person's own footage with: faceloom "
    "extract FOOTAGE --out NAME"
)
# What to do with a kind, for a purpose that it does not serve.
_ADVICE: dict[Purpose, dict[Kind, str]] = {
    Purpose.FOOTAGE: {
        Kind.PROJECT: _CONTINUE,
        Kind.FACE_SET: _TRAIN,
        Kind.RUN: _EXPORT,
        Kind.BUNDLE: _CONVERT,
        Kind.DFM: _IMPORT,
        Kind.KERAS: _IMPORT,
    },
    Purpose.TARGET: {
        Kind.PROJECT: _CONTINUE,
        Kind.FACE_SET: "give the video whose faces are replaced; " + _TRAIN,
        Kind.RUN: "give the video whose faces are replaced; " + _EXPORT,
        Kind.BUNDLE: "give the video whose faces are replaced, and the bundle with --bundle {path}",
        Kind.DFM: "give the video whose faces are replaced; " + _IMPORT,
        Kind.KERAS: "give the video whose faces are replaced; " + _IMPORT,
    },
    Purpose.FACE_SET: {
        Kind.PROJECT: "give one of the face sets in {path}/faces",
        **dict.fromkeys((Kind.VIDEO, Kind.PICTURE, Kind.FOOTAGE_FOLDER), _EXTRACT),
        **dict.fromkeys(_SWAPPED, _REAL_FOOTAGE),
        Kind.RUN: "give one of the face sets that it names: faceloom inspect {path}",
        Kind.BUNDLE: "it holds no faces; give the face set that it was trained with",
        Kind.DFM: "it holds no faces; give the face set that it was trained with",
        Kind.KERAS: "it holds no faces; give the face set that it was trained with",
    },
    Purpose.RUN: {
        Kind.PROJECT: "give one of the runs in {path}/runs",
        **dict.fromkeys((Kind.VIDEO, Kind.PICTURE, Kind.FOOTAGE_FOLDER), _EXTRACT),
        **dict.fromkeys(_SWAPPED, _REAL_FOOTAGE),
        Kind.FACE_SET: _TRAIN,
        Kind.BUNDLE: _SOURCE_RUN,
        Kind.DFM: _IMPORT,
        Kind.KERAS: _IMPORT,
    },
    Purpose.BUNDLE: {
        Kind.PROJECT: "give one of the bundles in {path}/bundles",
        **dict.fromkeys((Kind.VIDEO, Kind.PICTURE, Kind.FOOTAGE_FOLDER), _EXTRACT),
        **dict.fromkeys(_SWAPPED, _REAL_FOOTAGE),
        Kind.FACE_SET: _TRAIN + ", and export the run",
        Kind.RUN: _EXPORT,
        Kind.DFM: _IMPORT,
        Kind.KERAS: _IMPORT,
    },
    Purpose.MODEL: {
        Kind.PROJECT: "its bundles in {path}/bundles need no import",
        **dict.fromkeys((Kind.VIDEO, Kind.PICTURE, Kind.FOOTAGE_FOLDER), _EXTRACT),
        **dict.fromkeys(_SWAPPED, _REAL_FOOTAGE),
        Kind.FACE_SET: _TRAIN,
        Kind.RUN: _EXPORT,
        Kind.BUNDLE: _CONVERT,
    },
    Purpose.ARTIFACT: {
        **dict.fromkeys((Kind.VIDEO, Kind.PICTURE, Kind.FOOTAGE_FOLDER), _EXTRACT),
        **dict.fromkeys(_SWAPPED, _VERIFY),
        Kind.KERAS: _IMPORT,
    },
    Purpose.MARKED: {
        Kind.FOOTAGE_FOLDER: "give one of its files",
        **dict.fromkeys((Kind.FACE_SET, Kind.RUN, Kind.BUNDLE, Kind.DFM, Kind.PROJECT), _INSPECT),
        Kind.KERAS: _IMPORT,
    },
}


def check_no_address(path: Path) -> None:
    """Check that a path is no address of the network.

    Args:
        path: What was given as a path; `Path` turns `https://` into `https:/`.

    Raises:
        UsageError: It is an address.
    """
    if _ADDRESS.match(str(path)) and not path.exists():
        address = str(path).replace(":/", "://", 1)
        raise UsageError(
            f"{address} is an address, and Faceloom reads files, not addresses; download it first."
        )


def check_kind(path: Path, purpose: Purpose) -> None:
    """Refuse a path that holds a known kind of thing which does not serve a purpose.

    What is missing, damaged or unknown passes: its reader knows more about it.

    Args:
        path: The path.
        purpose: What it is needed as.

    Raises:
        UsageError: Footage, a target or a marked file is needed and it is none, or it is an
            address.
        ArtifactRefused: Another artifact is needed.
    """
    check_no_address(path)
    kind = identify_kind(path)
    if kind in _ACCEPTED[purpose]:
        return
    advice = _nearby(path, purpose) or _ADVICE[purpose].get(kind, "").format(
        path=shlex.quote(str(path))
    )
    if not advice:
        return
    needs_media = purpose in (Purpose.FOOTAGE, Purpose.TARGET, Purpose.MARKED)
    error: type[FaceloomError] = UsageError if needs_media else ArtifactRefused
    raise error(f"{path} is {kind}, not {purpose}; {advice}.")


def identify_kind(path: Path) -> Kind:
    """Return what a path holds.

    Args:
        path: Any path; it may not exist.
    """
    try:
        if path.is_dir():
            return _kind_of_folder(path)
        if path.is_file():
            return _kind_of_file(path)
        return Kind.FILE if path.exists() else Kind.MISSING
    except OSError:
        return Kind.FILE


def _kind_of_folder(path: Path) -> Kind:
    """Return what a folder holds; a document of another program may lie beside footage."""
    named = [file for file in _DOCUMENTS if (path / file).is_file()]
    for name in named:
        if _DOCUMENTS[name][1] in _ends(path / name, _DOCUMENT_BYTES, 0):
            return _DOCUMENTS[name][0]
    for _, file in zip(range(_MAX_FILES), path.iterdir(), strict=False):
        if file.suffix.lower() in PICTURE_EXTENSIONS and file.is_file():
            return Kind.FOOTAGE_FOLDER
        if file.is_file() and _kind_of_file(file) in _MEDIA:
            return Kind.FOOTAGE_FOLDER
    return _DOCUMENTS[named[0]][0] if named else Kind.FOLDER


def _kind_of_file(path: Path) -> Kind:
    if path.suffix.lower() == ".dfm":
        return Kind.DFM
    with path.open("rb") as file:
        head = file.read(2 * _TS_PACKET)
    if head[:4] == b"PK\3\4":
        return _kind_of_zip(path)
    if _is_picture(head):
        return Kind.SWAPPED_PICTURE if _is_marked(path) else Kind.PICTURE
    if _is_video(head):
        return Kind.SWAPPED_VIDEO if _is_marked(path) else Kind.VIDEO
    return Kind.FILE


def _is_picture(head: bytes) -> bool:
    if head[4:8] == b"ftyp":
        return head[8:12] in _PICTURE_BRANDS
    return head.startswith(_PICTURE_STARTS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def _is_video(head: bytes) -> bool:
    return (
        head.startswith(_VIDEO_STARTS)
        or head[4:8] in _ISO_BOXES
        or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
        or (head[:1] == b"\x47" and head[_TS_PACKET : _TS_PACKET + 1] == b"\x47")
    )


def _kind_of_zip(path: Path) -> Kind:
    directory = _ends(path, 0, _DIRECTORY_BYTES)
    if b"manifest.json" in directory:
        return Kind.BUNDLE
    return Kind.KERAS if b"model.weights.h5" in directory else Kind.FILE


def _is_marked(path: Path) -> bool:
    return SENTENCE_PREFIX.encode() in _ends(path, _MARK_BYTES, _MARK_BYTES)


def _ends(path: Path, first: int, last: int) -> bytes:
    """Return the first and the last bytes of a file."""
    with path.open("rb") as file:
        head = file.read(first)
        size = file.seek(0, 2)
        file.seek(max(len(head), size - last))
        return head + file.read(last)


def _nearby(path: Path, purpose: Purpose) -> str:
    """Return advice if the folder around a path, or one in it, is what is needed."""
    if purpose not in (Purpose.FACE_SET, Purpose.RUN, Purpose.BUNDLE):
        return ""
    if path.exists() and identify_kind(path.resolve().parent) in _ACCEPTED[purpose]:
        return f"give {path.parent}"
    if identify_kind(path) is not Kind.FOLDER:
        return ""
    children = sorted(child for child in path.iterdir() if child.is_dir())[:_MAX_FILES]
    inside = [str(child) for child in children if identify_kind(child) in _ACCEPTED[purpose]]
    return f"give {' or '.join(inside[:3])}" if inside else ""
