"""Footage becomes a face set, and what is none is refused."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.corrections import move, shift_all

from faceloom.errors import ArtifactRefused, MediaUnreadable, NoFaceFound, UsageError
from faceloom.faces import face_recognition as identify
from faceloom.faces import landmarks, retinaface
from faceloom.faceset import ExtractOptions, FaceSet, extract, extract_source
from faceloom.faceset.extract_source import ExtractionTask
from faceloom.faceset.extraction_journal import Journal
from faceloom.faceset.footage import FootageFile
from faceloom.faceset.worker_pool import group_tasks
from faceloom.image_io import write_png
from faceloom.progress import run_to_completion
from faceloom.video import read_frames


@pytest.fixture
def copy(facesets: dict[str, Path], tmp_path: Path) -> Path:
    """A face set that a test may damage."""
    return Path(shutil.copytree(facesets["ada"], tmp_path / "ada"))


def test_a_face_set_holds_what_was_found(facesets: dict[str, Path]) -> None:
    faces = FaceSet.read(facesets["ada"])
    assert (faces.identity, len(faces)) == ("ada", 18)
    assert [row.frame for row in faces.rows] == list(range(0, 144, 8))
    assert [row.seconds for row in faces.rows] == pytest.approx(
        [n * 0.04 for n in range(0, 144, 8)]
    )
    row = faces.rows[0]
    assert faces.read_crop(row).shape == (512, 512, 3)
    np.testing.assert_allclose(np.linalg.norm(faces.read_embeddings(), axis=1), 1, atol=1e-5)


def test_the_crop_and_the_landmarks_agree(facesets: dict[str, Path]) -> None:
    """The eyes of the crop lie on the template, and the mask covers them."""
    faces = FaceSet.read(facesets["ben"])
    for row in faces.rows[::5]:
        mesh, mask = faces.mesh_in_crop(row), faces.mask_in_crop(row)
        eyes = mesh[[33, 263]].mean(0)
        np.testing.assert_allclose(eyes, faces.geometry.template_xy()[:2].mean(0), atol=25)
        assert mask[tuple(np.intp(np.rint(mesh[4][::-1])))] == 255


def test_deleting_a_picture_rejects_the_face(copy: Path) -> None:
    before = FaceSet.read(copy)
    (copy / before.rows[3].image).unlink()
    after = FaceSet.read(copy)
    assert len(after) == len(before) - 1
    np.testing.assert_array_equal(
        after.read_embeddings(), np.delete(before.read_embeddings(), 3, 0)
    )


def test_pictures_and_folders_are_sources_too(
    tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = []
    commit = Journal.commit

    def record_commit(self: Journal, *args: int, **kwargs: object) -> None:
        committed.append(self.folder)
        commit(self, *args, **kwargs)

    # Flushes take a tenth of the time of pictures.
    monkeypatch.setattr(Journal, "commit", record_commit)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for frame in read_frames(sample / "train_ben.mp4"):
        if frame.index in (0, 40):
            write_png(folder / f"{frame.index}.png", frame.rgb)
    (folder / "notes.txt").write_text("not looked at")
    options = ExtractOptions("ben", workers=1)
    summary = run_to_completion(extract([folder], tmp_path / "ben", options))
    assert (summary.faces, summary.files) == (2, 2)
    assert {source.kind for source in FaceSet.read(tmp_path / "ben").files} == {"picture"}
    assert len(committed) == len(set(committed)) == 2


def test_a_broken_picture_among_many_is_passed_over(
    tmp_path: Path, sample: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for frame in read_frames(sample / "train_ben.mp4", every=72):
        write_png(tmp_path / f"{frame.index}.png", frame.rgb)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    options = ExtractOptions("ben", workers=1)
    assert run_to_completion(extract([tmp_path / "*.png"], tmp_path / "out", options)).faces == 2
    assert "1 of 3 files are not read: broken.png (is not an image" in caplog.text
    with pytest.raises(MediaUnreadable, match=r"broken\.png \(is not an image"):
        run_to_completion(extract([tmp_path / "broken.png"], tmp_path / "none", options))


def test_progress_is_told(tmp_path: Path, sample: Path) -> None:
    told = []
    run_to_completion(
        extract([sample / "target_ada.mp4"], tmp_path / "a", ExtractOptions("ada", every=25)),
        told.append,
    )
    assert [(p.done, p.total) for p in told] == [(3, 3)]


def _edit(path: Path, **changes: object) -> None:
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, **changes}))


def _edit_first_row(folder: Path, **changes: object) -> None:
    first, *rest = (folder / "faces.jsonl").read_text().splitlines()
    (folder / "faces.jsonl").write_text(
        "\n".join([json.dumps({**json.loads(first), **changes}), *rest])
    )


def _delete_crops(folder: Path) -> None:
    shutil.rmtree(folder / "crops")


DAMAGE = {
    "a newer schema": (
        lambda d: _edit(d / "faceset.json", schema=3),
        "schema 3, .* update faceloom",
    ),
    "no schema": (lambda d: _edit(d / "faceset.json", schema=None), "schema None"),
    "an unknown key": (lambda d: _edit(d / "faceset.json", color="red"), "color"),
    "no JSON": (lambda d: (d / "faceset.json").write_text("{"), "damaged"),
    "a list": (lambda d: (d / "faceset.json").write_text("[]"), "schema None"),
    "no face left": (_delete_crops, "contains no face"),
    "no rows": (lambda d: (d / "faces.jsonl").unlink(), "no faces.jsonl"),
    "half a row": (lambda d: (d / "faces.jsonl").write_text('{"image": '), "line 1"),
    "a path outside": (lambda d: _edit_first_row(d, image="../../etc/passwd.jpg"), "line 1: image"),
    "too few landmarks": (lambda d: _edit_first_row(d, mesh_xy=[[0, 0]]), "line 1: mesh_xy"),
    "another folder": (lambda d: (d / "faceset.json").unlink(), "is not a face set"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_no_face_set_is_refused(copy: Path, name: str) -> None:
    damage, words = DAMAGE[name]
    damage(copy)
    with pytest.raises(ArtifactRefused, match=words):
        FaceSet.read(copy)


def test_a_damaged_crop_or_embedding_is_refused_when_read(copy: Path) -> None:
    faces = FaceSet.read(copy)
    (copy / faces.rows[0].image).write_bytes(b"not a picture")
    with pytest.raises(MediaUnreadable, match="decoded"):
        faces.read_crop(faces.rows[0])
    (copy / "embeddings.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(ArtifactRefused, match="embeddings"):
        faces.read_embeddings()


def test_no_face_leaves_nothing(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "empty.mp4", wave_images(5))
    with pytest.raises(NoFaceFound, match=r"empty\.mp4"):
        run_to_completion(extract([clip], tmp_path / "out", ExtractOptions("x")))
    assert {path.name for path in tmp_path.iterdir()} == {"empty.mp4"}


def test_an_existing_face_set_is_kept(copy: Path, sample: Path) -> None:
    before = (copy / "faces.jsonl").read_bytes()
    with pytest.raises(UsageError, match="--force"):
        run_to_completion(extract([sample / "train_ben.mp4"], copy, ExtractOptions("ben")))
    assert (copy / "faces.jsonl").read_bytes() == before


def test_a_corrected_face_set_is_not_replaced(copy: Path, sample: Path) -> None:
    image = FaceSet.read(copy).rows[0].image
    move(copy, image, shift_all(0.01, 0))
    options = ExtractOptions("ben", force=True)
    with pytest.raises(UsageError, match="corrections made by hand"):
        run_to_completion(extract([sample / "train_ben.mp4"], copy, options))
    assert FaceSet.read(copy).corrections.moved == {image}


def test_an_empty_folder_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="contain no video or picture"):
        run_to_completion(extract([tmp_path / "empty"], tmp_path / "out", ExtractOptions("x")))


def rows_of(folder: Path) -> list[tuple[int, tuple[float, ...]]]:
    return [(row.frame, row.box_xyxy) for row in FaceSet.read(folder).rows]


@pytest.fixture
def short_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an extraction keep its faces every 16 frames, in batches of 8."""
    monkeypatch.setattr(extract_source, "_BATCH", 8)
    monkeypatch.setattr(extract_source, "_COMMIT_FRAMES", 16)


@pytest.mark.usefixtures("short_batches")
@pytest.mark.long
def test_a_stopped_extraction_continues_and_does_nothing_twice(
    tmp_path: Path, sample: Path
) -> None:
    inputs, options = [sample / "train_ben.mp4"], ExtractOptions("ben", every=4)
    run_to_completion(extract(inputs, tmp_path / "whole", options))
    work = extract(inputs, tmp_path / "out", options)
    while next(work).done < 24:
        pass
    work.close()
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "out.work"}
    told = []
    summary = run_to_completion(extract(inputs, tmp_path / "out", options), told.append)
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "out"}
    assert told[0].done == 24  # from the 16 kept ones on, not from the beginning
    assert summary.frames == summary.faces == 36
    for (frame, box), (again, other) in zip(
        rows_of(tmp_path / "whole"), rows_of(tmp_path / "out"), strict=True
    ):
        assert frame == again
        np.testing.assert_allclose(box, other, atol=1.5)


@pytest.mark.usefixtures("short_batches")
def test_what_a_kill_left_half_written_is_dropped(tmp_path: Path, sample: Path) -> None:
    inputs, options = [sample / "target_ada.mp4"], ExtractOptions("ada", every=3)
    work = extract(inputs, tmp_path / "out", options)
    while next(work).done < 24:
        pass
    work.close()
    (folder,) = (tmp_path / "out.work").iterdir()
    with (folder / "rows.jsonl").open("a") as rows:
        rows.write('{"image": "crops/half')
    with (folder / "embeddings.f32").open("ab") as vectors:
        vectors.write(b"123")
    assert run_to_completion(extract(inputs, tmp_path / "out", options)).faces == 25
    assert len(FaceSet.read(tmp_path / "out").read_embeddings()) == 25


@pytest.mark.process
@pytest.mark.long
def test_several_files_at_once_give_what_one_after_the_other_gives(
    tmp_path: Path, sample: Path
) -> None:
    inputs = [sample / f"{name}.mp4" for name in ("train_ada", "target_ada")]
    for workers in (1, 2):
        options = ExtractOptions("ada", every=12, workers=workers)
        summary = run_to_completion(extract(inputs, tmp_path / str(workers), options))
        assert (summary.files, summary.faces) == (2, 19)
    one, two = (FaceSet.read(tmp_path / name) for name in ("1", "2"))
    assert [row.image for row in one.rows] == [row.image for row in two.rows]
    assert [s.name for s in two.files] == ["train_ada.mp4", "target_ada.mp4"]
    np.testing.assert_allclose(one.read_embeddings(), two.read_embeddings(), atol=0.05)


def test_the_networks_are_opened_once_for_all_pictures(
    tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    frames = list(read_frames(sample / "target_ada.mp4", every=20))
    for number, frame in enumerate(frames):
        write_png(tmp_path / "photos" / f"{number}.png", frame.rgb)
    opened = []
    for module in (identify, landmarks, retinaface):
        really = module.open_face_model

        def count(weights, threads=0, really=really):
            opened.append(weights.file)
            return really(weights, threads)

        monkeypatch.setattr(module, "open_face_model", count)
    summary = run_to_completion(
        extract([tmp_path / "photos"], tmp_path / "out", ExtractOptions("ada", workers=1))
    )
    assert summary.faces == len(frames) == 4
    assert len(opened) == len(set(opened)) == 3
    # A picture is a video of its own: none takes up the face of the one before.
    assert {row.track for row in FaceSet.read(tmp_path / "out").rows} == {0}


@pytest.mark.parametrize(
    ("kinds", "workers", "lengths"),
    [
        ("vvv", 2, [1, 1, 1]),
        ("p", 2, [1]),
        ("ppvpppp", 2, [1, 1, 1, 1, 1, 1, 1]),
        ("p" * 14, 2, [3, 3, 3, 3, 2]),
        ("v" + "p" * 5000, 4, [1] + [200] * 25),
    ],
)
def test_videos_are_single_tasks_and_pictures_are_grouped(
    kinds: str, workers: int, lengths: list[int]
) -> None:
    kind = {"v": "video", "p": "picture"}
    tasks = [
        ExtractionTask(FootageFile(Path("x"), kind[k], 1), number, Path(f"{number}"))
        for number, k in enumerate(kinds)
    ]
    groups = group_tasks(tasks, workers)
    assert [len(group) for group in groups] == lengths
    indices = sorted(task.index for group in groups for task in group)
    assert indices == list(range(len(kinds)))


@pytest.fixture
def two_people(tmp_path: Path, sample: Path) -> Path:
    """Both people side by side in twelve frames, ben the larger."""
    clips = [
        [f.rgb for f in read_frames(sample / f"train_{name}.mp4", every=12)]
        for name in ("ada", "ben")
    ]
    pictures = []
    for ada, ben in zip(*clips, strict=True):
        small = np.full_like(ben, 90)
        small[60:276, 60:276] = cv2.resize(ada, (216, 216), interpolation=cv2.INTER_AREA)
        pictures.append(np.concatenate([ben, small], axis=1))
    return make_clip(tmp_path / "two.mp4", pictures)


@pytest.mark.parametrize(
    ("wanted", "options"),
    [
        ("ada", {"reference": "ada"}),
        pytest.param("ben", {"reference": "ben"}, marks=pytest.mark.exhaustive),
        ("ben", {"exclude": "ada"}),
        pytest.param("ada", {"exclude": "ben"}, marks=pytest.mark.exhaustive),
    ],
)
@pytest.mark.long
def test_one_person_of_two_is_kept_and_the_other_never_enters(
    tmp_path: Path,
    two_people: Path,
    facesets: dict[str, Path],
    wanted: str,
    options: dict[str, str],
) -> None:
    crops = {name: FaceSet.read(path) for name, path in facesets.items()}
    pictures = {
        key: (crops[name].directory / crops[name].rows[9].image,) for key, name in options.items()
    }
    summary = run_to_completion(
        extract([two_people], tmp_path / "out", ExtractOptions(wanted, **pictures))
    )
    faces = FaceSet.read(tmp_path / "out")
    lefts = [row.box_xyxy[0] < 320 for row in faces.rows]
    assert all(left == (wanted == "ben") for left in lefts)
    assert len(faces) >= 9
    assert summary.other_faces >= 9


def test_a_person_who_is_not_there(tmp_path: Path, sample: Path, facesets: dict[str, Path]) -> None:
    ada = FaceSet.read(facesets["ada"])
    options = ExtractOptions("ada", every=25, reference=(ada.directory / ada.rows[9].image,))
    # The faces are kept, so that another --reference does not read the video again.
    with pytest.raises(NoFaceFound, match="is the requested person's"):
        run_to_completion(extract([sample / "train_ben.mp4"], tmp_path / "out", options))
    with pytest.raises(UsageError, match="shows no face"):
        write_png(tmp_path / "blank.png", wave_images(1)[0])
        options = ExtractOptions("ada", reference=(tmp_path / "blank.png",))
        run_to_completion(extract([sample / "train_ben.mp4"], tmp_path / "out", options))
    assert {path.name for path in tmp_path.iterdir()} == {"blank.png", "out.work"}
    options = ExtractOptions("ada", every=25)
    told = []
    run_to_completion(extract([sample / "train_ben.mp4"], tmp_path / "out", options), told.append)
    assert told == []
    assert {path.name for path in tmp_path.iterdir()} == {"blank.png", "out"}


def test_a_face_set_with_a_given_picture_is_not_replaced(tmp_path: Path) -> None:
    faces = tmp_path / "faces"
    faces.mkdir()
    for name in ("faces/faceset.json", "faces/a.png", "clip.mp4"):
        (tmp_path / name).touch()
    options = ExtractOptions(force=True, reference=(faces / "a.png",))
    with pytest.raises(UsageError, match="contains the input"):
        run_to_completion(extract([tmp_path / "clip.mp4"], faces, options))
    assert (faces / "a.png").exists()
