"""faceswap's metadata is read as data, and damaged metadata does no harm."""

import json
import logging
import struct
import tracemalloc
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloom.errors import MediaUnreadable
from faceloom.faceset import ExtractOptions, FaceSet, extract
from faceloom.faceset.footage import FootageFile, list_footage
from faceloom.faceset.other_tools.faceswap_metadata import (
    FaceMetadataError,
    FaceOrigin,
    literal_to_json,
    read_faceswap_origin,
)
from faceloom.faceset.other_tools.png_metadata import MAX_TEXT_BYTES, PngTextError, read_png_text
from faceloom.image_io import encode_picture, read_picture
from faceloom.progress import run_to_completion
from faceloom.video import read_frames

# The dictionary as faceswap writes it with `repr`; masks are byte strings with quotes in them.
NOTE = {
    "alignments": {
        "x": 100, "w": 80, "y": 40, "h": 95,
        "landmarks_xy": [[101.5, 60.25], [-3.0, 1e-05]],
        "mask": {
            "components": {
                "mask": b"x\x9c\x00'\xff", "affine_matrix": [[1.0, 0.0]], "stored_size": 128,
            }
        },
        "identity": {"vggface2": [0.1, -0.2]},
        "thumb": None,
    },
    "source": {
        "alignments_version": 2.3,
        "original_filename": "clip_000042_0.png",
        "face_index": 1,
        "source_filename": "clip_000042.png",
        "source_is_video": True,
        "source_frame_dims": (480, 640),
    },
}  # fmt: skip


def note(**source: object) -> dict[str, object]:
    return {**NOTE, "source": {**NOTE["source"], **source}}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def itxt(text: bytes, keyword: bytes = b"faceswap", flags: bytes = b"\0\0") -> bytes:
    return chunk(b"iTXt", keyword + b"\0" + flags + b"\0\0" + text)


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """Put chunks before the picture's data, as faceswap does."""
    at = png.index(b"IDAT") - 4
    return png[:at] + b"".join(chunks) + png[at:]


@pytest.fixture
def png() -> bytes:
    return encode_picture(np.full((40, 40, 3), 128, np.uint8), ".png")


@pytest.mark.parametrize(
    ("chunks", "origin"),
    [
        ([itxt(repr(NOTE).encode())], FaceOrigin("clip", 41, 1)),
        ([itxt(json.dumps(note(face_index=0), default=str).encode())], FaceOrigin("clip", 41, 0)),
        ([itxt(zlib.compress(repr(NOTE).encode()), flags=b"\1\0")], FaceOrigin("clip", 41, 1)),
        (
            [itxt(b"a comment", keyword=b"Comment"), itxt(repr(NOTE).encode())],
            FaceOrigin("clip", 41, 1),
        ),
        ([chunk(b"tEXt", b"faceswap\0no"), itxt(repr(NOTE).encode())], FaceOrigin("clip", 41, 1)),
        (
            [
                itxt(
                    repr(
                        note(source_filename="Anna's \u00e9t\u00e9.jpg", source_is_video=False)
                    ).encode()
                )
            ],
            FaceOrigin("Anna's \u00e9t\u00e9.jpg", 0, 1),
        ),
        (
            [itxt(repr(note(source_filename="photo_000007.png", source_is_video=False)).encode())],
            FaceOrigin("photo_000007.png", 0, 1),
        ),
        (
            [
                itxt(
                    repr(
                        note(source_filename="..\\..\\home/me/a\x00\nb.png", source_is_video=False)
                    ).encode()
                )
            ],
            FaceOrigin("ab.png", 0, 1),
        ),
        ([itxt(repr(note(source_filename="clip_000000.png")).encode())], FaceOrigin("clip", 0, 1)),
        (
            [itxt(repr(note(source_filename="whatever.png")).encode())],
            FaceOrigin("whatever.png", 0, 1),
        ),
        ([], None),
        ([itxt(b"a comment", keyword=b"Comment")], None),
    ],
)
def test_the_origin_is_read(
    chunks: list[bytes], origin: FaceOrigin | None, png: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "face.PNG"
    path.write_bytes(with_chunks(png, *chunks))
    assert read_faceswap_origin(path) == origin
    assert FootageFile.open(path).name == (origin.name if origin else "face.PNG")


BOMB = itxt(zlib.compress(b"[" * 20_000_000, 9), flags=b"\1\0")
GOOD = itxt(repr(NOTE).encode())
DAMAGED = {
    "checksum": GOOD[:40] + bytes([GOOD[40] ^ 1]) + GOOD[41:],
    "cut text": itxt(repr(NOTE).encode()[:100]),
    "code": itxt(b"{'source': __import__('os').system('true')}"),
    "call": itxt(b"{'source': dict(face_index=1)}"),
    "sum": itxt(b"{'source': 1+1}"),
    "no source": itxt(repr({"alignments": NOTE["alignments"]}).encode()),
    "no dictionary": itxt(b"[1, 2]"),
    "wrong type": itxt(repr(note(source_filename=7)).encode()),
    "negative": itxt(repr(note(face_index=-1)).encode()),
    "huge number": itxt(
        repr(NOTE).replace("'face_index': 1", "'face_index': 1" + "0" * 5000).encode()
    ),
    "bad escape": itxt(rb"{'source': {'source_filename': '\x4'}}"),
    "nested": itxt(b"[" * 100_000),
    "no utf-8": itxt(b"\xff\xfe"),
    "empty": itxt(b""),
    "no fields": chunk(b"iTXt", b"faceswap\0"),
    "unknown packing": itxt(zlib.compress(b"{}"), flags=b"\1\7"),
    "no zlib": itxt(b"not packed", flags=b"\1\0"),
    "cut zlib": itxt(zlib.compress(repr(NOTE).encode())[:-20], flags=b"\1\0"),
    "bomb": BOMB,
    "too long": itxt(b"[" + b"0," * MAX_TEXT_BYTES + b"]"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_note_is_warned_of_and_the_picture_read(
    damage: str, png: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "face.png"
    path.write_bytes(with_chunks(png, DAMAGED[damage]))
    with pytest.raises(FaceMetadataError):
        read_faceswap_origin(path)
    with caplog.at_level(logging.WARNING, logger="faceloom"):
        (source,) = list_footage([tmp_path]).files
    assert len(caplog.records) == 1
    assert str(path) in caplog.text
    assert source.origin is None
    (picture,) = source.read()
    assert picture.frame == 0
    assert picture.rgb.shape == (40, 40, 3)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\x89PNG",
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffjunk",
        b"\x89PNG\r\n\x1a\n\0\0",
    ],
)
def test_a_file_that_is_no_picture_has_no_origin(header: bytes, tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    path.write_bytes(header)
    assert read_faceswap_origin(path) is None
    with pytest.raises(FileNotFoundError):
        read_faceswap_origin(tmp_path / "absent.png")
    with pytest.raises(MediaUnreadable):
        read_picture(path)


@pytest.mark.parametrize("length", [2**32 - 1, 2**31, MAX_TEXT_BYTES + 1])
def test_a_length_that_lies_is_not_believed(length: int, tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", length) + b"iTXtfaceswap\0\0\0\0\0{}")
    with pytest.raises(PngTextError):
        read_png_text(path, "faceswap")


def test_a_bomb_takes_little_memory(png: bytes, tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    path.write_bytes(with_chunks(png, BOMB))
    tracemalloc.start()
    with pytest.raises(PngTextError):
        read_png_text(path, "faceswap")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MAX_TEXT_BYTES


@pytest.mark.parametrize(
    "value",
    [
        NOTE["source"],
        (1,),
        [],
        {},
        (),
        [True, False, None],
        {"a": 'b"c', "d": "e'\\f"},
        "\u00e9\n",
        -1.5e-7,
    ],
)
def test_literals_become_the_same_json(value: object) -> None:
    assert json.loads(literal_to_json(repr(value))) == json.loads(json.dumps(value))


def test_a_folder_of_faceswap_faces_becomes_a_face_set(sample: Path, tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    folder.mkdir()
    frames = [
        frame.rgb for frame in read_frames(sample / "target_ben.mp4") if frame.index in (0, 30)
    ]
    truth = np.load(sample / "target_ben.npz")["lm5"][[0, 30], 0]
    for index, rgb, points in zip((0, 30), frames, truth, strict=True):
        # A head at 512 px, as faceswap cuts it.
        x, y = points.mean(0).astype(int)
        head = np.pad(rgb, ((99, 99), (99, 99), (0, 0)), mode="edge")[
            y + 9 : y + 189, x + 9 : x + 189
        ]
        png = encode_picture(cv2.resize(head, (512, 512), interpolation=cv2.INTER_CUBIC), ".png")
        origin = repr(note(source_filename=f"holiday_{index + 1:06d}.png", face_index=0))
        (folder / f"holiday_{index + 1:06d}_0.png").write_bytes(
            with_chunks(png, itxt(origin.encode()))
        )
    options = ExtractOptions("ben", workers=1)
    summary = run_to_completion(extract([folder], tmp_path / "set", options))
    assert summary.faces == 2
    assert [row.frame for row in FaceSet.read(tmp_path / "set").rows] == [0, 30]
    assert {source.name for source in list_footage([folder]).files} == {"holiday"}
