"""Untrusted files do no harm: mutated by a seed, and malicious ones written by hand.

FACELOOM_FUZZ_CASES sets the number of cases; `python -m benchmarks.robustness.fuzz` reads any
number and reports the results. docs/security.md lists the guarantees.
"""

import io
import os
import shutil
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.facesets import good_faces, write_faceset
from tests.helpers.fuzzing.cases import OutsideFolderChanged, Reader, check_reader, try_case
from tests.helpers.fuzzing.mutators import nested_list, to_zip
from tests.helpers.fuzzing.readers import runtime_readers

from faceloom.errors import (
    ArtifactRefused,
    FaceloomError,
    MediaUnreadable,
    UsageError,
    escape_unprintable,
)
from faceloom.faceset import FaceSet, undo_curate
from faceloom.faceset.extraction_journal import Journal
from faceloom.image_io import encode_picture, read_picture
from faceloom.inspect import inspect_path
from faceloom.safe_read import read_npy
from faceloom.swap import Bundle
from faceloom.swap.batch.job_file import read_job_file
from faceloom.swap.pipeline.convert import ConvertOptions
from faceloom.swap.pipeline.resume_key import ResumeKey
from faceloom.swap.pipeline.resume_store import ResumeStore
from faceloom.video import probe_video
from faceloom.video.image_sequence import probe_images

READERS = (
    "face set", "face set corrections", "curate record", "extraction journal",
    "bundle (folder)", "bundle (.zip)",
    "bundle graph (onnxruntime)", "conversion state", "unfinished conversion", "job file",
    "faceswap PNG text", "DeepFaceLab JPEG pickle", "DeepFaceLab archive",
    "picture (png)", "picture to convert (png)", "picture (jpg)",
    "picture to convert (jpg)", "picture (bmp)", "picture to convert (bmp)", "picture (webp)",
    "picture to convert (webp)", "picture (tiff)", "picture to convert (tiff)", "picture (heic)",
    "video (.mp4)",
    "video (.mkv)", "video (.webm)", "video (.avi)", "video (.gif)", "disclosure marks (.jpg)",
    "disclosure marks (.mp4)", "hostile files to verify",
)  # fmt: skip


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    """The runtime's readers by name."""
    return {reader.name: reader for reader in runtime_readers(tmp_path_factory.mktemp("valid"))}


def test_every_reader_is_tested(readers: dict[str, Reader]) -> None:
    assert tuple(readers) == READERS


@pytest.mark.fuzz
@pytest.mark.parametrize("name", READERS)
def test_mutated_files_are_refused_or_read(readers: dict[str, Reader], name: str) -> None:
    check_reader(readers[name])


def test_other_errors_and_outside_writes_fail_a_case(tmp_path: Path) -> None:

    def writes_outside(folder: Path) -> None:
        (folder.parent / "evil").touch()

    for read, error in (
        (lambda _: {}["nothing"], KeyError),
        (writes_outside, OutsideFolderChanged),
    ):
        reader = Reader("bad", {"a": b"1"}, read, lambda *_: b"2")
        with pytest.raises(error):
            try_case(reader, reader.files, tmp_path)


@pytest.fixture
def ada(tmp_path: Path) -> Path:
    """A face set of three faces."""
    write_faceset(tmp_path / "ada", good_faces(3))
    return tmp_path / "ada"


def claim_shape(shape: str) -> Callable[[Path], None]:
    """Write an .npy whose header claims a shape."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()

    def change(folder: Path) -> None:
        data = b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(64)
        (folder / "embeddings.npy").write_bytes(data)

    return change


def replace_by_link(name: str) -> Callable[[Path], None]:
    """Replace a file or folder of the set by a link to a copy outside."""

    def change(folder: Path) -> None:
        place = folder / name
        outside = folder.parent / "outside"
        if place.is_dir():
            place.rename(outside)
        else:
            outside.write_bytes(place.read_bytes())
            place.unlink()
        place.symlink_to(outside)

    return change


def change_last_row(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        lines = (folder / "faces.jsonl").read_bytes().splitlines()
        (folder / "faces.jsonl").write_bytes(b"\n".join([*lines[:-1], change(lines[-1])]))

    return apply


def replace_by_pipe(folder: Path) -> None:
    (folder / "faceset.json").unlink()
    os.mkfifo(folder / "faceset.json")


def grow(name: str, size: int) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, size)


FACESETS = {
    "an array of four terabytes": (claim_shape("(1000000000000, 1)"), "need more than"),
    "a size beyond 64 bits": (
        claim_shape("(99999999999999999999, 192)"),
        "not an array of numbers",
    ),
    "a header with code": (claim_shape("__import__('os')"), "not an array of numbers"),
    "a linked picture": (replace_by_link("crops/000_000000_0.jpg"), "is a symbolic link"),
    "linked pictures": (replace_by_link("crops"), "is a symbolic link"),
    "linked rows": (replace_by_link("faces.jsonl"), "is a symbolic link"),
    "a pipe": (replace_by_pipe, "not a regular file"),
    "a document of a terabyte": (grow("faceset.json", 10**12), "than the limit"),
    "a line of a gigabyte": (grow("faces.jsonl", 10**9), "line 4 has more than"),
    "deep nesting": (change_last_row(lambda _: b"[" * 100_000), "line 3"),
    "a path to the parent folder": (
        change_last_row(lambda line: line.replace(b"crops/002", b"crops/../../002")),
        "image",
    ),
    "a score of NaN": (
        change_last_row(lambda line: line.replace(b'"score":0.99', b'"score":NaN')),
        "score",
    ),
    "a repeated face": (change_last_row(lambda line: line + b"\n" + line), "occurs twice"),
}


@pytest.mark.parametrize("name", FACESETS)
def test_malicious_face_set_is_refused(ada: Path, name: str) -> None:
    change, message = FACESETS[name]
    change(ada)
    with pytest.raises(ArtifactRefused, match=message):
        FaceSet.read(ada).read_embeddings()


def test_curate_does_not_move_files_through_a_link(ada: Path) -> None:
    """With a linked dropped/ folder, --undo would move files from and to another folder."""
    outside = ada.parent / "outside"
    (outside / "1").mkdir(parents=True)
    (outside / "1" / "record.json").write_text(
        '{"schema": 1, "faceloom": "0", "faces": [{"image": "crops/private.jpg", "reason": "x"}]}'
    )
    (outside / "1" / "private.jpg").write_bytes(b"mine")
    (ada / "dropped").symlink_to(outside)
    with pytest.raises(ArtifactRefused, match="is a symbolic link"):
        undo_curate(ada)
    assert (outside / "1" / "private.jpg").read_bytes() == b"mine"


def test_resume_does_not_follow_links(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    work = tmp_path / "ada.work"
    work.mkdir()
    (work / "rows.jsonl").symlink_to(tmp_path / "precious")
    with pytest.raises(ArtifactRefused, match="is a symbolic link"):
        Journal(work)
    (tmp_path / ".out.mp4.work").symlink_to(work)
    key = ResumeKey(faceloom_version="0", target="t", target_fingerprint="1", settings={})
    with (
        pytest.raises(UsageError, match="is a symbolic link"),
        ResumeStore.open(tmp_path / "out.mp4", key, resume=True, force=False),
    ):
        pass
    assert (tmp_path / "precious").read_text() == "mine"
    (tmp_path / ".out.mp4.work").unlink()
    (tmp_path / ".out.mp4.work").mkdir()
    (tmp_path / ".out.mp4.work" / "lock").symlink_to(tmp_path / "precious")
    with (
        pytest.raises(ArtifactRefused, match="is a symbolic link"),
        ResumeStore.open(tmp_path / "out.mp4", key, resume=True, force=False),
    ):
        pass
    assert (tmp_path / "precious").read_text() == "mine"


def test_journal_with_a_row_count_larger_than_its_file_starts_again(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(
        '{"rows": 1000000000000, "frames": 1, "next_frame": 1, "done": true}'
    )
    assert Journal(tmp_path).state.rows == 0
    assert not (tmp_path / "state.json").exists()
    assert (tmp_path / "embeddings.f32").stat().st_size == 0


def test_zip_with_too_many_members_is_refused(tmp_path: Path) -> None:
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", *[0] * 9, 1, *[0] * 6) + b"x"
    directory = entry * 100_000
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)
    (tmp_path / "b.zip").write_bytes(directory + end)
    with pytest.raises(ArtifactRefused, match="too many files"):
        Bundle.read(tmp_path / "b.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_zip_with_lzma_or_bzip2_is_refused(tmp_path: Path, method: int) -> None:
    """LZMA may allocate a dictionary of 4 GB before it returns a byte."""
    (tmp_path / "b.zip").write_bytes(to_zip({"manifest.json": b"{}"}, {"manifest.json": method}))
    with pytest.raises(ArtifactRefused, match="unsupported compression method"):
        Bundle.read(tmp_path / "b.zip")


def test_bundle_with_linked_files_is_refused(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b")
    (bundle / "swap.onnx").rename(tmp_path / "swap.onnx")
    (bundle / "swap.onnx").symlink_to(tmp_path / "swap.onnx")
    with pytest.raises(ArtifactRefused, match="is a symbolic link"):
        Bundle.read(bundle)


def test_inspecting_a_graph_does_not_evaluate_constants(tmp_path: Path) -> None:
    """With optimization, onnxruntime would compute this 4 GB constant on opening the graph."""
    shape = onnx.numpy_helper.from_array(np.array([2**30], np.int64), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["big"]),
        helper.make_node("ReduceSum", ["big"], ["out"]),
    ]
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "bomb", [], [out], [shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "x.dfm").write_bytes(model.SerializeToString())
    before = peak_memory()
    assert inspect_path(tmp_path / "x.dfm").details["inputs"] == []
    assert peak_memory() - before < 500e6


def peak_memory() -> float:
    """Return the peak resident memory of this process in bytes."""
    resource = pytest.importorskip("resource", reason="peak memory is only known on Unix")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def huge_png(side: int) -> bytes:
    """Return a black PNG of `side` x `side` pixels in a few kilobytes."""
    packer, row = zlib.compressobj(9), bytes(1 + side // 8)
    data = b"".join([*(packer.compress(row) for _ in range(64)), packer.flush()])

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_picture_with_too_many_pixels_is_refused(tmp_path: Path) -> None:
    for side in (20_000, 100_000):
        (tmp_path / "a.png").write_bytes(huge_png(side))
        for read in (read_picture, probe_images):
            before = peak_memory()
            with pytest.raises(MediaUnreadable, match="that can be decoded"):
                read(tmp_path / "a.png")
            assert peak_memory() - before < 200e6


def test_picture_chunk_larger_than_the_file_is_refused(tmp_path: Path) -> None:
    """A PNG of one pixel whose chunk claims 4 GB."""
    png = encode_picture(np.zeros((1, 1, 3), np.uint8), ".png")
    (tmp_path / "a.png").write_bytes(png[:33] + struct.pack(">I", 2**32 - 64) + png[37:])
    before = peak_memory()
    with pytest.raises(MediaUnreadable, match="that can be decoded"):
        read_picture(tmp_path / "a.png")
    assert peak_memory() - before < 200e6
    (tmp_path / "a.png").write_bytes(png + b"bytes after the end of the PNG")
    assert read_picture(tmp_path / "a.png").shape == (1, 1, 3)


def test_avi_text_larger_than_the_file_is_refused(tmp_path: Path) -> None:
    """The name of the program that wrote the AVI claims 2 GB."""
    clip = make_clip(tmp_path / "a.avi", wave_images(2, 32, 32), codec="mpeg4")
    assert probe_video(clip).width == 32
    data, size = clip.read_bytes(), struct.Struct("<I")
    position = data.index(b"INFOISFT")
    clip.write_bytes(
        data[: position - 4]
        + size.pack(2 * 10**9 + 100)
        + b"INFOISFT"
        + size.pack(2 * 10**9)
        + data[position + 12 :]
    )
    before = peak_memory()
    with pytest.raises(MediaUnreadable, match="not a video"):
        probe_video(clip)
    assert peak_memory() - before < 200e6


def test_picture_file_of_a_terabyte_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    os.truncate(tmp_path / "a.png", 10**12)
    with pytest.raises(FaceloomError, match="than the limit"):
        read_picture(tmp_path / "a.png")


PLAYLISTS = {
    "concat": "ffconcat version 1.0\nfile inner.mp4\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\ninner.mp4\n#EXT-X-ENDLIST\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
@pytest.mark.parametrize("ending", ["mp4", "m3u8"])
def test_playlist_is_not_accepted_as_a_video(tmp_path: Path, name: str, ending: str) -> None:
    make_clip(tmp_path / "inner.mp4", wave_images(3))
    assert probe_video(tmp_path / "inner.mp4").width == 128
    (tmp_path / f"list.{ending}").write_text(PLAYLISTS[name])
    with pytest.raises(MediaUnreadable, match="not a video"):
        probe_video(tmp_path / f"list.{ending}")


JOBS = {
    "a path to the parent folder": ("out = '../x.mp4'", "is outside the job file's folder"),
    "a later part to the parent folder": (
        "out = 'a/../../x.mp4'",
        "is outside the job file's folder",
    ),
    "an absolute path": ("out = '/etc/x.mp4'", "is outside the job file's folder"),
    "a path through a link": ("out = 'link/x.mp4'", "is outside the job file's folder"),
    "a NUL character": ('out = "a\\u0000b"', "out"),
    "deep nesting": ("out = " + "[" * 100_000, "cannot be read as TOML"),
    "a long number": ("out = " + "9" * 5000, "cannot be read as TOML"),
    "a range with a long number": (f"out = 'x.mp4'\nrange = '{'9' * 5000}:'", "is not A:B"),
}


@pytest.mark.parametrize("name", JOBS)
def test_malicious_job_file_is_refused(tmp_path: Path, name: str) -> None:
    lines, message = JOBS[name]
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "link").symlink_to(tmp_path)
    (tmp_path / "jobs" / "jobs.toml").write_text(
        f"schema = 1\nbundle = 'b'\n[[job]]\ntarget = 'a.mp4'\n{lines}\n"
    )
    with pytest.raises(UsageError, match=message):
        read_job_file(tmp_path / "jobs" / "jobs.toml", None, ConvertOptions())


def test_control_characters_are_not_printed(
    ada: Path, faceloom: Callable[..., tuple[int, str, str]]
) -> None:
    text = (ada / "faceset.json").read_text()
    (ada / "faceset.json").write_text(text.replace('"ada"', '"\\u001b]0;owned\\u0007ada"'))
    code, out, _ = faceloom("inspect", ada)
    assert code == 0
    assert "\\x1b]0;owned\\x07ada" in out
    assert "\x1b" not in out
    shutil.rmtree(ada)
    assert "\x1b" not in faceloom("inspect", f"{ada}\x1b[2J")[2]
    assert escape_unprintable("Zoë\n\t\u202eevil\x9b") == "Zoë\n\t\\u202eevil\\x9b"


def test_read_npy_returns_what_numpy_writes(tmp_path: Path) -> None:
    for values in (
        np.arange(6).reshape(2, 3),
        np.float32(3),
        np.zeros((0, 192), np.float32),
        np.asfortranarray(np.eye(3)),
    ):
        np.save(tmp_path / "a.npy", values)
        array = read_npy(tmp_path / "a.npy")
        np.testing.assert_array_equal(array, values)
        assert array.dtype == np.asarray(values).dtype
    content = io.BytesIO()
    np.save(content, np.array([nested_list(3)], object), allow_pickle=True)
    (tmp_path / "a.npy").write_bytes(content.getvalue())
    with pytest.raises(ArtifactRefused, match="not an array of numbers"):
        read_npy(tmp_path / "a.npy")
