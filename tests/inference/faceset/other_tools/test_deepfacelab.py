"""DeepFaceLab's face sets become Faceloom's; what else a pickle may hold is never run."""

import logging
import os
import pickle
import struct
import sys
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.deepfacelab import cut_face, metadata, to_jpeg, to_pak

from faceloom.array_types import Rgb, float32
from faceloom.errors import MediaUnreadable
from faceloom.faces.alignment import apply_affine, invert_affine
from faceloom.faceset import ExtractOptions, FaceSet, extract
from faceloom.faceset.footage import list_footage
from faceloom.faceset.other_tools.deepfacelab_metadata import read_deepfacelab_origin
from faceloom.faceset.other_tools.face_origin import FaceMetadataError, FaceOrigin
from faceloom.faceset.other_tools.plain_pickle import (
    PickledArray,
    PickleRefused,
    read_plain_pickle,
)
from faceloom.image_io import encode_picture, read_picture
from faceloom.progress import run_to_completion
from faceloom.video import read_frames

PICTURE = np.full((64, 64, 3), 128, np.uint8)
LANDMARKS = float32(np.random.default_rng(0).uniform(10, 50, (68, 2)))
FRAMES = (0, 30, 60)


def origin_of(stored: Any, protocol: int = 4) -> FaceOrigin | None:
    return read_deepfacelab_origin(BytesIO(to_jpeg(PICTURE, stored, protocol)))


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_plain_pickle_has_the_values_of_pickle(protocol: int) -> None:
    stored = metadata(
        LANDMARKS,
        landmarks=LANDMARKS,
        columns=np.asfortranarray(LANDMARKS),
        values=[None, True, False, (), (1,), (1, 2, 3, 4), -(2**70), b"bytes", "\u00e9", [[1.5]]],
        empty=np.zeros((0, 2), ">i4"),
        mask=np.array([True, False]),
    )
    data = pickle.dumps(stored, protocol)
    assert_same(read_plain_pickle(data), pickle.loads(data))
    # NumPy before version 2 has other names of its modules.
    if protocol == 3:
        assert_same(read_plain_pickle(data.replace(b"numpy._core.", b"numpy.core.")), stored)


def assert_same(value: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        assert value.keys() == expected.keys()
        for key in expected:
            assert_same(value[key], expected[key])
    elif isinstance(expected, np.ndarray):
        assert isinstance(value, PickledArray)
        assert value.values.dtype.newbyteorder("=") == expected.dtype.newbyteorder("=")
        np.testing.assert_array_equal(value.values, expected)
    elif isinstance(expected, list | tuple):
        assert type(value) is type(expected)
        assert len(value) == len(expected)
        for item, other in zip(value, expected, strict=True):
            assert_same(item, other)
    else:
        assert value == expected


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any):
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def recursive() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["landmarks"] = [value]
    return value


def shared(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value, value]
    return value


GOOD = pickle.dumps(metadata(LANDMARKS), 4)
TOUCH = "touch executed"
# Bytes of a pickle of protocol 4 that ends with its last value.
HEAD = b"\x80\x04"
NEW_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\0\x85C\1btR"
DTYPE = b"cnumpy\ndtype\n(X\2\0\0\0f8\x89\x88tR"
REFUSED = {
    "a shell command": (Call(os.system, TOUCH), "'posix.system'"),
    "a shell command in a value": (metadata(LANDMARKS, more=Call(os.system, TOUCH)), "system'"),
    "eval": (Call(eval, "open('executed', 'w')"), "'builtins.eval'"),
    "a command by GLOBAL": (HEAD + b"cos\nsystem\n(X\5\0\0\0touchtR.", "'os.system'"),
    "a command by INST": (HEAD + b"(X\5\0\0\0touchios\nsystem\n.", "opcode INST"),
    "a command by OBJ": (HEAD + b"(cos\nsystem\nX\5\0\0\0toucho.", "'os.system'"),
    "a NumPy function": (HEAD + b"cnumpy\nload\nX\1\0\0\0a\x85R.", "'numpy.load'"),
    "NumPy's eval": (HEAD + b"cnumpy.f2py.crackfortran\nmyeval\n.", "myeval'"),
    "a getattr by a dotted name": (
        HEAD + b"X\5\0\0\0numpyX\x10\0\0\0ndarray.__init__\x93.",
        "ndarray.__init__'",
    ),
    "a class": (metadata(LANDMARKS, face_type=FaceOrigin("a", 0)), "FaceOrigin'"),
    "a set": ({"landmarks": {1}}, "opcode EMPTY_SET"),
    "an array of objects": ({"landmarks": np.array([None])}, "something else than numbers"),
    "an array of strings": ({"landmarks": np.array(["a"])}, "something else than numbers"),
    "a memory table of 32 GB": (HEAD + b"Nr\xff\xff\xff\xff.", "valid dictionary"),
    "a string of 4 GB": (HEAD + b"X\xff\xff\xff\xffabc.", "damaged"),
    "bytes of 8 EB": (HEAD + b"\x8e" + b"\xff" * 7 + b"\x7fabc.", "damaged"),
    "a number of 2 GB": (HEAD + b"\x8b\xff\xff\xff\x7fabc.", "damaged"),
    "an array of 8 TB": (
        HEAD + NEW_ARRAY + b"(K\1\x8a\6" + (2**40).to_bytes(6, "little") + b"\x85"
        + DTYPE + b"\x89C\0tb.",
        "size is not that of its bytes",
    ),
    "deep nesting": (HEAD + b"]" * 5000 + b"a" * 4999 + b".", "valid dictionary"),
    "a nested key": (
        HEAD + b")q\0" + b"h\0h\0\x86q\0" * 40 + b"}h\0Ns.",
        "keys are not strings",
    ),
    "a value that contains itself": (recursive(), "landmarks"),
    "a value shared 2^60 times": ({"landmarks": shared(60)}, "landmarks"),
    "persistent IDs": (HEAD + b"Pabc\n.", "opcode PERSID"),
    "an extension": (HEAD + b"\x82\1.", "opcode EXT1"),
    "no value": (HEAD + b".", "does not have"),
    "a value below the mark": (HEAD + b"]((K\1a.", "does not have"),
    "no mark": (HEAD + b"]e.", "a mark that it does not have"),
    "an unknown memo": (HEAD + b"h\7.", "refers to a value"),
    "a state of a number": (HEAD + b"K\1K\2b.", "state of something else"),
    "cut off": (GOOD[:-300], "damaged"),
    "no end": (GOOD[:-1], "damaged"),
    "no dictionary": ([1, 2], "valid dictionary"),
    "no landmarks": ({"face_type": "head"}, "landmarks"),
    "two landmarks": (metadata(LANDMARKS[:2]), "landmarks"),
    "landmarks that are not finite": (metadata(LANDMARKS * np.float32(np.nan)), "landmarks"),
    "many rows without numbers": (metadata(LANDMARKS, landmarks=np.zeros((10**9, 0))), "landmarks"),
    "landmarks in one place": (metadata(np.ones((68, 2))), "one place"),
    "an array of another shape": (metadata(LANDMARKS, landmarks=LANDMARKS[0]), "landmarks"),
    "an unfinished array": (
        HEAD + b"}X\x09\0\0\0landmarks" + NEW_ARRAY + b"s.",
        "landmarks",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_other_metadata_is_refused_and_the_picture_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    stored, message = REFUSED[name]
    path = tmp_path / "00001_0.jpg"
    path.write_bytes(to_jpeg(PICTURE, stored))
    tracemalloc.start()
    with path.open("rb") as file, pytest.raises(FaceMetadataError, match=message):
        read_deepfacelab_origin(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 * 2**20
    with caplog.at_level(logging.WARNING, logger="faceloom"):
        (source,) = list_footage([tmp_path]).files
    (record,) = caplog.records
    assert str(path) in record.getMessage()
    assert message in record.getMessage()
    assert source.origin is None
    (frame,) = source.read()
    assert frame.rgb.shape == (64, 64, 3)
    assert [file.name for file in tmp_path.iterdir()] == ["00001_0.jpg"]


def test_the_malicious_pickles_would_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pickle.loads` executes what the test above refuses."""
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(REFUSED["a shell command"][0], 4))
    assert (tmp_path / "executed").exists()


def test_a_pickle_larger_than_a_segment_is_refused() -> None:
    with pytest.raises(PickleRefused, match="more than 65536"):
        read_plain_pickle(pickle.dumps(b"x" * 2**16, 4))


ORIGINS = {
    "a frame of a video": (metadata(LANDMARKS), ("video", 41, False)),
    "frame 0": (metadata(LANDMARKS, source_filename="00000.png"), ("video", 0, False)),
    "a photo": (metadata(LANDMARKS, source_filename="Anna 2.jpg"), ("Anna 2.jpg", 0, False)),
    "a path": (
        metadata(LANDMARKS, source_filename="..\\..\\home/a\n\0b.png"),
        ("ab.png", 0, False),
    ),
    "half a face": (metadata(LANDMARKS, "half_face"), ("video", 41, True)),
    "a resized face": (metadata(LANDMARKS, landmarks=LANDMARKS), ("video", 41, False)),
    "the oldest keys": ({"landmarks": LANDMARKS.tolist()}, ("unnamed", 0, False)),
}


@pytest.mark.parametrize("name", ORIGINS)
def test_the_origin_is_read(name: str) -> None:
    stored, expected = ORIGINS[name]
    origin = origin_of(stored)
    assert (origin.name, origin.frame, origin.is_partial) == expected
    assert origin.place.box_xyxy == pytest.approx([*LANDMARKS.min(0), *LANDMARKS.max(0)])
    assert origin.place.points_xy[2] == pytest.approx(LANDMARKS[30])
    assert origin.place.points_xy[1] == pytest.approx(LANDMARKS[42:48].mean(0))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xef\0\0",
        b"\xff\xd8\xff\xef\0\4no",
        b"\xff\xd8" + b"\xff\xe1\0\2" * 100_000,
        encode_picture(PICTURE, ".jpg"),
        encode_picture(PICTURE, ".png"),
    ],
)
def test_another_picture_has_no_origin(data: bytes) -> None:
    assert read_deepfacelab_origin(BytesIO(data)) is None


@pytest.fixture(scope="module")
def clip(sample: Path) -> tuple[dict[int, Rgb], np.ndarray]:
    """Frames of a rendered person, and the 68 landmarks of each frame."""
    frames = {
        frame.index: frame.rgb
        for frame in read_frames(sample / "target_ben.mp4")
        if frame.index in FRAMES
    }
    return frames, float32(np.load(sample / "target_ben.npz")["lm68"][:, 0])


def extract_faces(inputs: Path, out: Path) -> FaceSet:
    run_to_completion(extract([inputs], out, ExtractOptions("ben", workers=1)))
    return FaceSet.read(out)


@pytest.mark.parametrize(
    ("face_type", "side"),
    [("half_face", 256), ("full_face", 256), ("whole_face", 512), ("head", 1024)],
)
@pytest.mark.long
def test_a_deepfacelab_folder_becomes_a_face_set(
    face_type: str,
    side: int,
    clip: tuple[dict[int, Rgb], np.ndarray],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    frames, truth = clip
    cut, maps = tmp_path / "aligned", {}
    cut.mkdir()
    for index, rgb in frames.items():
        picture, maps[index] = cut_face(rgb, truth[index], face_type, side)
        landmarks = apply_affine(maps[index], truth[index])
        stored = metadata(landmarks, face_type, source_filename=f"{index + 1:05d}.png")
        (cut / f"{index + 1:05d}_0.jpg").write_bytes(to_jpeg(picture, stored))
    (tmp_path / "whole").mkdir()
    for index, rgb in frames.items():
        (tmp_path / "whole" / f"{index:05d}.png").write_bytes(encode_picture(rgb, ".png"))
    rows = extract_faces(tmp_path / "whole", tmp_path / "a").rows
    direct = dict(zip(FRAMES, rows, strict=True))
    imported = extract_faces(cut, tmp_path / "b")
    assert [row.frame for row in imported.rows] == list(FRAMES)
    assert ("half_face" in caplog.text) == (face_type == "half_face")
    for row in imported.rows:
        to_frame = invert_affine(maps[row.frame])
        mesh = apply_affine(to_frame, float32(row.mesh_xy))
        # Pixels of the frame, in which the face has 145; 2 is what the networks differ by.
        away = np.linalg.norm(mesh - float32(direct[row.frame].mesh_xy), axis=1)
        assert away.mean() < 2
        eyes = apply_affine(to_frame, float32(row.points_xy))[:2]
        expected = [truth[row.frame][36:42].mean(0), truth[row.frame][42:48].mean(0)]
        assert np.linalg.norm(eyes - expected, axis=1).max() < 3.5
        assert imported.read_crop(row).shape == (512, 512, 3)


def test_a_face_is_found_where_its_landmarks_are(
    clip: tuple[dict[int, Rgb], np.ndarray], tmp_path: Path
) -> None:
    """A second face in the picture is another person's; landmarks beside a face find no other."""
    frames, truth = clip
    picture, to_picture = cut_face(frames[0], truth[0], "whole_face", 256)
    landmarks = apply_affine(to_picture, truth[0])
    both = np.concatenate([picture, picture], 1)
    for shift in (0, 256):
        path = tmp_path / f"{shift}" / "a.jpg"
        path.parent.mkdir()
        path.write_bytes(to_jpeg(both, metadata(landmarks + float32([shift, 0]))))
        (row,) = extract_faces(path, tmp_path / f"set{shift}").rows
        assert shift < row.points_xy[2][0] < shift + 256
    wrong = tmp_path / "wrong.jpg"
    wrong.write_bytes(to_jpeg(picture, metadata(landmarks / 8)))
    (row,) = extract_faces(wrong, tmp_path / "set").rows
    assert np.abs(float32(row.points_xy)[2] - landmarks[30]).max() < 12


@pytest.mark.long
def test_a_packed_face_set_is_read_as_its_folder(
    clip: tuple[dict[int, Rgb], np.ndarray], tmp_path: Path
) -> None:
    frames, truth = clip
    jpegs = []
    for index, rgb in frames.items():
        picture, to_picture = cut_face(rgb, truth[index], "whole_face", 256)
        stored = metadata(
            apply_affine(to_picture, truth[index]), source_filename=f"{index + 1:05d}.png"
        )
        jpegs.append(to_jpeg(picture, stored))
    for name in ("folder", "packed"):
        (tmp_path / name).mkdir()
    for index, jpeg in enumerate(jpegs):
        (tmp_path / "folder" / f"{index:06d}.jpg").write_bytes(jpeg)
    (tmp_path / "packed" / "faceset.pak").write_bytes(to_pak([*jpegs, b"\xff\xd8" * 80]))
    folder = extract_faces(tmp_path / "folder", tmp_path / "a")
    packed = extract_faces(tmp_path / "packed", tmp_path / "b")
    assert packed.rows == folder.rows
    assert packed.files[:3] == folder.files
    np.testing.assert_array_equal(packed.read_embeddings(), folder.read_embeddings())
    pak = tmp_path / "packed" / "faceset.pak"
    assert len(list_footage([pak]).files) == 4
    assert run_to_completion(
        extract([pak], tmp_path / "c", ExtractOptions("ben", workers=1))
    ).passed_over == ("000003.jpg (is cut off: its data end before its picture does)",)


JPEG = to_jpeg(PICTURE, metadata(LANDMARKS))
PAK = to_pak([JPEG] * 3)
FIRST = len(PAK) - 3 * len(JPEG)
DAMAGED_PAKS = {
    "empty": b"",
    "another file": b"PK\3\4" + bytes(2000),
    "another version": b"\2" + PAK[1:],
    "a pickle beyond the file": struct.pack("<QQ", 1, 2**63) + PAK[16:],
    "a table without end": PAK[: FIRST - 8] + PAK[FIRST:],
    "cut off": PAK[:-1],
    "starts that fall": PAK[: FIRST - 24] + struct.pack("<Q", 5 * len(JPEG)) + PAK[FIRST - 16 :],
    "pictures of nothing": PAK[: FIRST - 24] + bytes(16) + PAK[FIRST - 8 :],
}


@pytest.mark.parametrize("name", DAMAGED_PAKS)
def test_a_damaged_archive_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "faceset.pak"
    path.write_bytes(DAMAGED_PAKS[name])
    with pytest.raises(MediaUnreadable, match="not a packed face set"):
        list_footage([path])
    # Beside other pictures it is passed over.
    (tmp_path / "a.jpg").write_bytes(JPEG)
    footage = list_footage([tmp_path])
    assert [file.path.name for file in footage.files] == ["a.jpg"]
    assert [passed.path for passed in footage.passed_over] == [path]


def test_an_archive_s_pickle_is_never_read(tmp_path: Path) -> None:
    rows = pickle.dumps(Call(sys.exit, 1), 4)
    table = struct.pack("<QQ", 0, 16 + len(rows) + 16 + len(JPEG))
    path = tmp_path / "faceset.pak"
    path.write_bytes(struct.pack("<QQ", 1, len(rows)) + rows + table + JPEG)
    (file,) = list_footage([path]).files
    (frame,) = file.read()
    np.testing.assert_array_equal(frame.rgb, read_picture(_written(tmp_path / "a.jpg", JPEG)))


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
