"""The runtime's readers of untrusted files, each with a valid artifact to mutate.

`tests.helpers.fuzzing.model_readers` has those of models and runs.
"""

import contextlib
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.corrections import left_half, move, offsets_of, paint
from tests.helpers.deepfacelab import metadata, to_jpeg, to_pak
from tests.helpers.disclosure_marks import mark_file
from tests.helpers.facesets import GEOMETRY, good_faces, write_faceset
from tests.helpers.fuzzing.cases import Files, Reader, mutate_by_extension, mutate_value_after
from tests.helpers.fuzzing.hostile_files import hostile_reader
from tests.helpers.fuzzing.mutators import Mutator, read_zip, to_zip

from faceloom.array_types import float32
from faceloom.errors import ArtifactRefused
from faceloom.faces.face_finder import Face, FinderState
from faceloom.faces.landmarks import Landmarks
from faceloom.faces.shot_detection import CutState
from faceloom.faces.tracker import Track, TrackerState
from faceloom.faceset import FaceSet
from faceloom.faceset.curate import DroppedFace, DropRecord, undo_curate
from faceloom.faceset.extraction_journal import Journal
from faceloom.faceset.footage import list_footage
from faceloom.faceset.other_tools.deepfacelab_metadata import read_deepfacelab_origin
from faceloom.faceset.other_tools.faceswap_metadata import read_faceswap_origin
from faceloom.hashing import sha256_of
from faceloom.image_io import encode_picture, read_picture
from faceloom.json_documents import to_json
from faceloom.provenance import (
    ConsentRecord,
    DisclosureMark,
    SwappedIdentity,
    verify,
)
from faceloom.swap import Bundle, SwapNetwork
from faceloom.swap.batch.job_file import read_job_file
from faceloom.swap.pipeline.analysis import AnalysisState
from faceloom.swap.pipeline.analysis_state_io import read_state, write_state
from faceloom.swap.pipeline.convert import ConvertOptions
from faceloom.swap.pipeline.resume_key import ResumeKey
from faceloom.swap.pipeline.resume_store import ResumeStore, SegmentRow
from faceloom.swap.selection import FaceSelection, TrackState
from faceloom.video import probe_video, read_frames
from faceloom.video.image_sequence import probe_images

# The Python literal that faceswap stores in the text chunk of its PNG files.
_FACESWAP_TEXT = (
    "{'alignments': {'x': 100, 'landmarks_xy': [[101.5, 60.25], [-3.0, 1e-05]], 'thumb': None}, "
    "'source': {'face_index': 1, 'source_filename': 'clip_000042.png', 'source_is_video': True, "
    "'source_frame_dims': (480, 640)}}"
)
# Values that replace one in a job file.
_TOML_VALUES = (
    b"'../../x.mp4'", b"'/etc/x.mp4'", b'"a\\u0000b"', b"[" * 5000, b"{a." * 900, b"9" * 5000,
    b"nan", b"1e400", b"[]", b"{}", b"9999-99-99", b"''", b"'" + b"x" * 100_000 + b"'",
    b"[['a']]", b"true", b"'*'", b"'=b'", b"'a='",
)  # fmt: skip


def _read_files(folder: Path) -> Files:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def runtime_readers(scratch: Path) -> Iterator[Reader]:
    """Yield the runtime's readers; the valid artifacts are written to `scratch`."""
    scratch.mkdir(parents=True, exist_ok=True)
    yield from _facesets(scratch)
    yield from _bundles(scratch)
    yield from _conversions(scratch)
    yield from _media(scratch)
    yield from _marked_files(scratch)
    yield hostile_reader(scratch)


def _facesets(scratch: Path) -> Iterator[Reader]:
    write_faceset(scratch / "ada", good_faces(2))
    files = _read_files(scratch / "ada")

    def read_set(folder: Path) -> None:
        faces = FaceSet.read(folder)
        faces.read_embeddings()
        for row in faces.rows:
            faces.mask_in_crop(row)
            faces.read_crop(row)

    yield Reader("face set", files, read_set, mutate_by_extension, slow=True)

    crop = sorted(name for name in files if name.startswith("crops/"))[0]
    move(scratch / "ada", crop, offsets_of({4: (0.1, 0), 33: (0, -0.05)}))
    paint(scratch / "ada", crop, left_half(GEOMETRY.size))

    def read_corrected(folder: Path) -> None:
        faces = FaceSet.read(folder)
        for row in faces.rows:
            faces.mesh_in_crop(row)
            faces.painted_mask(row, faces.geometry)
            faces.read_crop(row)

    corrected = _read_files(scratch / "ada")
    yield Reader("face set corrections", corrected, read_corrected, mutate_by_extension)

    record = DropRecord(faceloom_version="0", faces=(DroppedFace(image=crop, reason="blur"),))
    dropped = {name: data for name, data in files.items() if name != crop}
    dropped |= {
        "dropped/1/record.json": to_json(record).encode(),
        f"dropped/1/{Path(crop).name}": files[crop],
    }
    yield Reader("curate record", dropped, undo_curate, _structure_of("record.json"))

    # A journal's rows have no embedding.
    rows = re.sub(rb',"embedding":\d+', b"", files["faces.jsonl"])
    work = {
        "state.json": b'{"rows": 2, "frames": 2, "next_frame": 2, "done": false}',
        "rows.jsonl": rows,
        "embeddings.f32": bytes(2 * 192 * 4),
    }

    def read_work(folder: Path) -> None:
        journal = Journal(folder)
        journal.next_track()
        journal.read_embeddings()

    yield Reader("extraction journal", work, read_work, mutate_by_extension)


def _structure_of(ending: str) -> Callable[[Mutator, str, bytes], bytes]:
    """Return a mutation by extension for one file and of bytes for the others."""
    return lambda mutator, name, data: (
        mutate_by_extension(mutator, name, data) if name.endswith(ending) else mutator.bytes(data)
    )


def _bundles(scratch: Path) -> Iterator[Reader]:
    bundle = make_bundle(scratch / "b")
    files = _read_files(bundle)
    small = {name: data for name, data in files.items() if name != "golden.npz"}
    golden = io.BytesIO()
    faces = np.zeros((2, 64, 64, 3), np.uint8)
    np.savez_compressed(golden, faces=faces, swapped=faces, masks=faces[..., 0])
    small["golden.npz"] = golden.getvalue()

    def read_bundle(folder: Path) -> None:
        Bundle.read(folder).read_golden_sample()

    def repair(files: Files) -> Files:
        try:
            manifest = json.loads(files["manifest.json"])
            manifest["golden"]["sha256"] = sha256_of(files["golden.npz"])
            manifest["graphs"][0]["sha256"] = sha256_of(files["swap.onnx"])
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            return files
        return {**files, "manifest.json": json.dumps(manifest).encode()}

    yield Reader("bundle (folder)", repair(small), read_bundle, mutate_by_extension, repair)

    def repair_zip(files: Files) -> Files:
        try:
            return {"b.zip": to_zip(repair(read_zip(files["b.zip"])))}
        except Exception:  # zipfile raises many classes for a damaged archive
            return files

    yield Reader(
        "bundle (.zip)",
        {"b.zip": to_zip(repair(small))},
        lambda folder: Bundle.read(folder / "b.zip").read_golden_sample(),
        mutate_by_extension,
        repair_zip,
    )

    def run_network(folder: Path) -> None:
        SwapNetwork.open(Bundle.read(folder), "cpu").swap(faces)

    def mutate_graph(mutator: Mutator, name: str, data: bytes) -> bytes:
        return data if name == "golden.npz" else mutate_by_extension(mutator, name, data)

    yield Reader(
        "bundle graph (onnxruntime)", repair(small), run_network, mutate_graph, repair, slow=True
    )


def _conversions(scratch: Path) -> Iterator[Reader]:
    state = scratch / "state.npz"
    write_state(state, _state())

    def read_conversion_state(folder: Path) -> None:
        TrackState.from_arrays(read_state(folder / "state.npz").selector)

    yield Reader(
        "conversion state",
        {"state.npz": state.read_bytes()},
        read_conversion_state,
        mutate_by_extension,
        slow=True,
    )

    key = ResumeKey(
        faceloom_version="0", target="/t.mp4", target_fingerprint="1", settings={"color": "lab"}
    )
    pictures = b"pictures"
    row = SegmentRow(
        frames=12,
        swapped=3,
        missing=0,
        occluded=1,
        occlusions=((0.04, 0.08),),
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
[[job.section]]
from = 3
to = 9
erode = 0.1
"""

    def read_jobs(folder: Path) -> None:
        for job in read_job_file(folder / "jobs.toml", None, ConvertOptions()):
            assert job.out.resolve().is_relative_to(folder.resolve()), job.out

    yield Reader("job file", {"jobs.toml": jobs}, read_jobs, mutate_value_after(b"=", _TOML_VALUES))


def _state() -> AnalysisState:
    mesh = float32(np.random.default_rng(0).normal(50, 10, (468, 3)))
    face = Face(float32([1, 2, 30, 40]), 0.9, Landmarks(mesh, 0.8), mesh[:5, :2], 1)
    tracker = TrackerState((Track(1, float32([1, 2, 30, 40]), 0),), 2)
    finder = FinderState((face,), tracker, CutState(np.zeros((18, 32, 3), np.float32), 0.1), 0, 4)
    state = TrackState()
    state.begin_frame([1])
    state.of_track(1)["mask"] = np.zeros((8, 8), np.uint8)
    state.add("waited")
    lead_in = (FaceSelection(2, 0, ((face, 0),), (), True), FaceSelection(3, 40, (), (0,), False))
    return AnalysisState(4, finder, lead_in, ((face,), ()), state.to_arrays())


def _media(scratch: Path) -> Iterator[Reader]:
    picture = wave_images(1, 40, 48)[0]
    png = encode_picture(picture, ".png")
    yield Reader(
        "faceswap PNG text",
        {"a.png": png},
        lambda folder: read_faceswap_origin(folder / "a.png"),
        lambda mutator, _, data: mutator.png_text(data, _FACESWAP_TEXT),
    )
    landmarks = np.stack([np.arange(68), np.arange(68) % 17], -1).astype(np.float32)
    jpeg = to_jpeg(picture, metadata(landmarks))
    yield Reader(
        "DeepFaceLab JPEG pickle",
        {"a.jpg": jpeg},
        lambda folder: read_deepfacelab_origin(io.BytesIO((folder / "a.jpg").read_bytes())),
        lambda mutator, _, data: mutator.app15(data),
    )
    yield Reader(
        "DeepFaceLab archive",
        {"faceset.pak": to_pak([jpeg] * 3)},
        lambda folder: [
            frame.rgb
            for file in list_footage([folder / "faceset.pak"]).files
            for frame in file.read()
        ],
        mutate_by_extension,
    )
    pictures = {
        f"a{ending}": encode_picture(picture, ending)
        for ending in (".png", ".jpg", ".bmp", ".webp", ".tiff")
    }
    for name, data in pictures.items():
        yield Reader(
            f"picture ({name[2:]})", {name: data}, _read_picture(name), mutate_by_extension
        )
        yield Reader(
            f"picture to convert ({name[2:]})",
            {name: data},
            _probe_images(name),
            mutate_by_extension,
        )
    heic = (Path(__file__).parents[2] / "data" / "cases" / "grid.heic").read_bytes()
    yield Reader("picture (heic)", {"a.heic": heic}, _read_picture("a.heic"), mutate_by_extension)
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


def _marked_files(scratch: Path) -> Iterator[Reader]:
    """Yield the readers of marked files, signed if possible; each run has another signature."""
    mark = DisclosureMark(
        (SwappedIdentity("ben", "b" * 64, ConsentRecord(person="Ben", basis="release")),)
    )
    picture, clip = (
        scratch / "marked.jpg",
        make_clip(scratch / "marked.mp4", wave_images(2, 32, 32)),
    )
    picture.write_bytes(encode_picture(wave_images(1, 32, 32)[0], ".jpg"))
    for file in (picture, clip):
        mark_file(file, mark=mark)
        yield Reader(
            f"disclosure marks ({file.suffix})",
            {file.name: file.read_bytes()},
            _verify(file.name),
            mutate_by_extension,
            slow=True,
        )


def _verify(name: str) -> Callable[[Path], Any]:
    """Return a reader that refuses a file whose signature is invalid or not checked."""

    def read(folder: Path) -> None:
        result = verify(folder / name)
        if result.verdict in ("invalid", "unchecked"):
            raise ArtifactRefused(result.to_text())

    return read


def _read_picture(name: str) -> Callable[[Path], Any]:
    return lambda folder: read_picture(folder / name)


def _probe_images(name: str) -> Callable[[Path], Any]:
    return lambda folder: probe_images(folder / name)


def _read_video(name: str) -> Callable[[Path], Any]:
    def read(folder: Path) -> None:
        probe_video(folder / name)
        with contextlib.closing(read_frames(folder / name)) as frames:
            for _ in zip(range(6), frames, strict=False):
                pass

    return read
