"""Every reader of files that travel between people, each with a valid artifact to spoil.

`Reader.read` must either accept what it is given or refuse it with a FaceloomError; `try_case` finds whatever else
happens, and whether anything outside of the artifact's folder was touched.
"""

import contextlib
import io
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.facesets import good_faces, write_faceset
from tests.helpers.fuzz_mutators import Mutator, to_zip

from faceloom.array_types import float32
from faceloom.errors import ArtifactRefused, FaceloomError
from faceloom.faces.face_finder import Face, FinderState
from faceloom.faces.landmarks import Landmarks
from faceloom.faces.shot_detection import CutState
from faceloom.faces.tracker import Track, TrackerState
from faceloom.faceset import FaceSet
from faceloom.faceset.curate import Dropped, DroppedFile, undo_curate
from faceloom.faceset.extraction_journal import Journal
from faceloom.faceset.faceswap_metadata import FaceswapMetadataError, read_faceswap_origin
from faceloom.hashing import sha256_of
from faceloom.image_io import encode_picture, read_picture
from faceloom.json_documents import to_json
from faceloom.provenance import (
    ConsentRecord,
    DisclosureMark,
    MarkSettings,
    MarkWriter,
    SwappedIdentity,
    verify,
)
from faceloom.swap import Bundle, SwapNetwork
from faceloom.swap.bundle.archive import write_zip
from faceloom.swap.pipeline.analysis import AnalysisState
from faceloom.swap.pipeline.analysis_state_io import read_state, write_state
from faceloom.swap.pipeline.batch_jobs import read_job_file
from faceloom.swap.pipeline.convert import ConvertOptions
from faceloom.swap.pipeline.resume_store import ResumeKey, ResumeStore, SegmentRow
from faceloom.swap.selection import FaceSelection, TrackState
from faceloom.video import probe_video, read_frames
from faceloom.video.image_sequence import probe_images

Files = dict[str, bytes]
NOTE = (
    "{'alignments': {'x': 100, 'landmarks_xy': [[101.5, 60.25], [-3.0, 1e-05]], 'thumb': None}, 'source': "
    "{'face_index': 1, 'source_filename': 'clip_000042.png', 'source_is_video': True, 'source_frame_dims': (480, 640)}}"
)


@dataclass(frozen=True)
class Reader:
    """files: a valid artifact's, by their paths in its folder. spoil: changes one of them.

    sealed: puts right what must fit together, as whoever makes a hostile file would. slow: a case takes a millisecond,
    and the suite reads fewer.
    """

    name: str
    files: Files
    read: Callable[[Path], object]
    spoil: Callable[[Mutator, str, bytes], bytes]
    sealed: Callable[[Files], Files] = dict
    slow: bool = False

    def case(self, seed: int) -> Files:
        """Return the artifact with one file spoilt, and in most cases sealed again."""
        mutator = Mutator(f"{self.name} {seed}")
        name = mutator.random.choice(sorted(self.files))
        files = {**self.files, name: self.spoil(mutator, name, self.files[name])}
        return self.sealed(files) if mutator.random.random() < 0.8 else files


class OutsideFolderChanged(Exception):
    """Something outside of the artifact's folder is not as it was."""


def try_case(reader: Reader, files: Files, place: Path) -> bool:
    """Lay the files into `place`/artifact and read them; return whether they were accepted.

    Raises whatever the reader raises beside a FaceloomError, and Escaped.
    """
    folder, beside = place / "artifact", place / "secret.txt"
    if not beside.is_file():
        beside.write_text("secret")
    _lay(files, folder)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            reader.read(folder)
        accepted = True
    except (FaceloomError, FaceswapMetadataError):
        accepted = False
    if {path.name for path in place.iterdir()} != {
        "artifact",
        "secret.txt",
    } or beside.read_text() != "secret":
        raise OutsideFolderChanged(str(sorted(place.rglob("*"))))
    return accepted


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a folder that goes afterwards, in memory where the system has a place for that: disks are waited for."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


def _lay(files: Files, folder: Path) -> None:
    """Write the files that are not there as they should be; what else an earlier case left goes."""
    wanted = {folder / name: data for name, data in files.items()}
    there = {Path(at, name) for at, _, names in os.walk(folder) for name in names}
    if there - wanted.keys():
        shutil.rmtree(folder)
    for path, data in wanted.items():
        if path.is_file() and path.read_bytes() == data:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def read_files(folder: Path) -> Files:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def mutate_by_extension(mutator: Mutator, name: str, data: bytes) -> bytes:
    """Spoil a file as its ending asks for."""
    ending = name.rpartition(".")[2]
    if ending in ("zip", "npz", "keras"):
        return mutator.zip(
            data, lambda member, content: mutate_by_extension(mutator, member, content)
        )
    known = {
        "json": mutator.json,
        "jsonl": mutator.json_lines,
        "npy": mutator.npy,
        "png": mutator.png,
    }
    return known.get(ending, mutator.bytes)(data)


def runtime_readers(scratch: Path) -> Iterator[Reader]:
    """Yield the runtime's readers; valid artifacts are made in `scratch`."""
    scratch.mkdir(parents=True, exist_ok=True)
    yield from _facesets(scratch)
    yield from _bundles(scratch)
    yield from _conversions(scratch)
    yield from _media(scratch)
    yield from _marked(scratch)


def _facesets(scratch: Path) -> Iterator[Reader]:
    write_faceset(scratch / "ada", good_faces(2))
    files = read_files(scratch / "ada")

    def read_set(folder: Path) -> None:
        faces = FaceSet.read(folder)
        faces.read_embeddings()
        for row in faces.rows:
            faces.mask_in_crop(row)
            faces.read_crop(row)

    yield Reader("face set", files, read_set, mutate_by_extension, slow=True)

    crop = sorted(name for name in files if name.startswith("crops/"))[0]
    record = DroppedFile(faceloom="0", faces=(Dropped(image=crop, reason="blur"),))
    dropped = {name: data for name, data in files.items() if name != crop}
    dropped |= {
        "dropped/1/record.json": to_json(record).encode(),
        f"dropped/1/{Path(crop).name}": files[crop],
    }
    yield Reader("curate's record", dropped, undo_curate, _only("record.json"))

    rows = files["faces.jsonl"]
    work = {
        "state.json": b'{"rows": 2, "frames": 2, "next_frame": 2, "done": false}',
        "rows.jsonl": rows,
        "embeddings.f32": bytes(2 * 192 * 4),
    }

    def read_work(folder: Path) -> None:
        journal = Journal(folder)
        journal.next_track()
        journal.read_embeddings()

    yield Reader("extraction's journal", work, read_work, mutate_by_extension)


def _only(ending: str) -> Callable[[Mutator, str, bytes], bytes]:
    """Spoil the file of that ending, the others in their bytes."""
    return lambda mutator, name, data: (
        mutate_by_extension(mutator, name, data) if name.endswith(ending) else mutator.bytes(data)
    )


def _bundles(scratch: Path) -> Iterator[Reader]:
    bundle = make_bundle(scratch / "b")
    files = read_files(bundle)
    small = {name: data for name, data in files.items() if name != "golden.npz"}
    golden = io.BytesIO()
    faces = np.zeros((2, 64, 64, 3), np.uint8)
    np.savez_compressed(golden, faces=faces, swapped=faces, masks=faces[..., 0])
    small["golden.npz"] = golden.getvalue()

    def read_bundle(folder: Path) -> None:
        Bundle.read(folder).read_golden_sample()

    def sealed(files: Files) -> Files:
        try:
            manifest = json.loads(files["manifest.json"])
            manifest["golden"]["sha256"] = sha256_of(files["golden.npz"])
            manifest["graphs"][0]["sha256"] = sha256_of(files["swap.onnx"])
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            return files
        return {**files, "manifest.json": json.dumps(manifest).encode()}

    yield Reader("bundle (folder)", sealed(small), read_bundle, mutate_by_extension, sealed)

    write_zip(bundle, scratch / "b.zip")
    yield Reader(
        "bundle (.zip)",
        {"b.zip": to_zip(sealed(small))},
        lambda folder: Bundle.read(folder / "b.zip").read_golden_sample(),
        mutate_by_extension,
    )

    def opened(folder: Path) -> None:
        SwapNetwork.open(Bundle.read(folder), "cpu")

    def its_graph(mutator: Mutator, name: str, data: bytes) -> bytes:
        return data if name == "golden.npz" else mutate_by_extension(mutator, name, data)

    yield Reader(
        "bundle's graph (onnxruntime)", sealed(small), opened, its_graph, sealed, slow=True
    )


def _conversions(scratch: Path) -> Iterator[Reader]:
    state = scratch / "state.npz"
    write_state(state, _state())

    def read_whole(folder: Path) -> None:
        TrackState.from_arrays(read_state(folder / "state.npz").selector)

    yield Reader(
        "conversion's state",
        {"state.npz": state.read_bytes()},
        read_whole,
        mutate_by_extension,
        slow=True,
    )

    key = ResumeKey(
        faceloom="0", target="/t.mp4", target_fingerprint="1", settings={"color": "lab"}
    )
    pictures = b"pictures"
    row = SegmentRow(
        frames=12,
        swapped=3,
        missing=0,
        pictures_sha256=sha256_of(pictures),
        state_sha256=sha256_of(state.read_bytes()),
    )
    work = {
        ".out.mp4.work/conversion.json": to_json(key).encode(),
        ".out.mp4.work/000000.json": to_json(row).encode(),
        ".out.mp4.work/000000.segment": pictures,
        ".out.mp4.work/000000.npz": state.read_bytes(),
    }

    def resume(folder: Path) -> None:
        with ResumeStore.open(folder / "out.mp4", key, resume=True, force=False) as store:
            store.read_state()
            sum((path.stat().st_size for path in store.segment_paths), store.counts.frames)

    yield Reader("unfinished conversion", work, resume, mutate_by_extension)

    jobs = b"""schema = 1
bundle = "ben.bundle"
[[job]]
target = "a.mp4"
out = "out/a.mp4"
range = "10:20"
reference = ["anna.jpg"]
[[job]]
target = "b.mp4"
out = "out/b.mp4"
map = ["anna.jpg=ben.bundle"]
"""

    def plan(folder: Path) -> None:
        for job in read_job_file(folder / "jobs.toml", None, ConvertOptions()):
            assert job.out.resolve().is_relative_to(folder.resolve()), job.out

    yield Reader("job file", {"jobs.toml": jobs}, plan, _toml)


def _toml(mutator: Mutator, name: str, data: bytes) -> bytes:
    """Change bytes, or put a strange value behind a key."""
    if mutator.random.random() < 0.5:
        return mutator.bytes(data)
    lines = data.splitlines()
    at = mutator.random.choice([number for number, line in enumerate(lines) if b"=" in line])
    key = lines[at].partition(b"=")[0]
    value = mutator.random.choice(
        (b"'../../x.mp4'", b"'/etc/x.mp4'", b'"a\\u0000b"', b"[" * 5000, b"{a." * 900, b"9" * 5000, b"nan", b"1e400",
         b"[]", b"{}", b"9999-99-99", b"''", b"'" + b"x" * 100_000 + b"'", b"[['a']]", b"true",
         b"'*'", b"'=b'", b"'a='")
    )  # fmt: skip
    lines[at] = key + b"= " + value
    return b"\n".join(lines)


def _state() -> AnalysisState:
    mesh = float32(np.random.default_rng(0).normal(50, 10, (468, 3)))
    face = Face(float32([1, 2, 30, 40]), 0.9, Landmarks(mesh, 0.8), mesh[:5, :2], 1)
    tracker = TrackerState((Track(1, float32([1, 2, 30, 40]), 0),), 2)
    finder = FinderState((face,), tracker, CutState(np.zeros((18, 32, 3), np.float32), 0.1), 0, 4)
    state = TrackState()
    state.begin_frame([1])
    state.of_track(1)["mask"] = np.zeros((8, 8), np.uint8)
    state.add("waited")
    lead_in = (FaceSelection(0, ((face, 0),), (), True), FaceSelection(40, (), (0,), False))
    return AnalysisState(4, finder, lead_in, ((face,), ()), state.to_arrays())


def _media(scratch: Path) -> Iterator[Reader]:
    picture = wave_images(1, 40, 48)[0]
    png = encode_picture(picture, ".png")
    yield Reader(
        "faceswap PNG's note",
        {"a.png": png},
        lambda folder: read_faceswap_origin(folder / "a.png"),
        lambda mutator, _, data: mutator.png_note(data, NOTE),
    )
    kinds = {
        f"a{ending}": encode_picture(picture, ending)
        for ending in (".png", ".jpg", ".bmp", ".webp", ".tiff")
    }
    for name, data in kinds.items():
        yield Reader(
            f"picture ({name[2:]})", {name: data}, _read_picture(name), mutate_by_extension
        )
        yield Reader(
            f"picture to convert ({name[2:]})",
            {name: data},
            _probe_pictures(name),
            mutate_by_extension,
        )
    for ending, codec in (
        ("mp4", "libx264"),
        ("mkv", "libx264"),
        ("webm", "libvpx"),
        ("avi", "mpeg4"),
        ("gif", "gif"),
    ):
        pixels = "bgr8" if ending == "gif" else "yuv420p"
        clip = make_clip(
            scratch / f"a.{ending}",
            wave_images(3, 32, 32),
            pixel_format=pixels,
            codec=codec,
            options={"g": "2"},
        )
        name = f"a.{ending}"
        yield Reader(
            f"video (.{ending})",
            {name: clip.read_bytes()},
            _read_video(name),
            mutate_by_extension,
            slow=True,
        )


def _marked(scratch: Path) -> Iterator[Reader]:
    """Marked as fully as this machine can. Each time the signature is another, and its cases with it."""
    mark = DisclosureMark(
        (SwappedIdentity("ben", "b" * 64, ConsentRecord(person="Ben", basis="release")),)
    )
    picture, clip = (
        scratch / "marked.jpg",
        make_clip(scratch / "marked.mp4", wave_images(2, 32, 32)),
    )
    picture.write_bytes(encode_picture(wave_images(1, 32, 32)[0], ".jpg"))
    for file in (picture, clip):
        MarkWriter.open(MarkSettings(), file).write(file, mark, scratch / "no source")
        yield Reader(
            f"marks ({file.suffix})",
            {file.name: file.read_bytes()},
            _verify(file.name),
            mutate_by_extension,
            slow=True,
        )


def _verify(name: str) -> Callable[[Path], Any]:
    """What was changed since it was signed counts as refused."""

    def read(folder: Path) -> None:
        found = verify(folder / name)
        if found.verdict == "invalid":
            raise ArtifactRefused(found.to_text())

    return read


def _read_picture(name: str) -> Callable[[Path], Any]:
    return lambda folder: read_picture(folder / name)


def _probe_pictures(name: str) -> Callable[[Path], Any]:
    return lambda folder: probe_images(folder / name)


def _read_video(name: str) -> Callable[[Path], Any]:
    def read(folder: Path) -> None:
        probe_video(folder / name)
        with contextlib.closing(read_frames(folder / name)) as frames:
            for _ in zip(range(6), frames, strict=False):
                pass

    return read
