"""Footage is added to a face set: what is there stays, and a kill leaves the old set whole."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from faceloom.errors import NoFaceFound, UsageError
from faceloom.faceset import (
    Condition,
    CurateOptions,
    ExtractOptions,
    FaceSet,
    append,
    curate,
    extract,
    undo_curate,
)
from faceloom.progress import run_to_completion


@pytest.fixture
def ada(facesets: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of ada's face set with 18 faces, that a test may change."""
    return Path(shutil.copytree(facesets["ada"], tmp_path / "ada"))


def add(out: Path, clip: Path, **options: object):
    chosen = ExtractOptions(**{"every": 25, "add": True, **options})  # type: ignore[arg-type]
    return run_to_completion(extract([clip], out, chosen))


def test_faces_are_added_and_rejected_ones_stay_rejected(ada: Path, sample: Path) -> None:
    before = FaceSet.read(ada)
    (ada / before.rows[0].image).unlink()
    turned = CurateOptions((Condition.parse(f"yaw>{before.rows[5].pose.yaw}"),))
    run_to_completion(curate(ada, turned, apply=True))
    kept = FaceSet.read(ada)
    assert 0 < len(kept) < 17
    summary = add(ada, sample / "target_ada.mp4")
    after = FaceSet.read(ada)
    assert (summary.faces, summary.total_faces, len(after)) == (3, len(kept) + 3, len(kept) + 3)
    assert after.rows[: len(kept)] == kept.rows
    assert [file.name for file in after.files] == ["train_ada.mp4", "target_ada.mp4"]
    assert {row.file for row in after.rows[len(kept) :]} == {1}
    np.testing.assert_array_equal(after.read_embeddings()[: len(kept)], kept.read_embeddings())
    np.testing.assert_allclose(np.linalg.norm(after.read_embeddings(), axis=1), 1, atol=1e-5)
    assert after.read_crop(after.rows[-1]).shape == (512, 512, 3)
    undo_curate(ada)
    assert len(FaceSet.read(ada)) == 17 + 3
    assert not (ada.parent / "ada.work").exists()


def test_the_command_says_what_was_skipped(ada: Path, sample: Path, faceloom) -> None:
    code, out, _ = faceloom("extract", sample / "train_ada.mp4", "--out", ada, "--add")
    assert (code, "nothing was added to its 18 faces. Skipped" in out) == (0, True)
    assert "train_ada.mp4" in out


def test_known_footage_is_skipped(ada: Path, sample: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(sample / "train_ada.mp4", tmp_path / "renamed.mp4"))
    summary = add(ada, copy)
    assert (summary.faces, summary.total_faces) == (0, 18)
    assert summary.known_files == ("renamed.mp4",)
    assert len(FaceSet.read(ada).files) == 1


@pytest.mark.parametrize("moment", ["place_crop", "_replace_crop", "atomic_file", "write_text"])
@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.long
def test_a_kill_leaves_the_old_set_and_the_next_run_adds_everything(
    ada: Path, sample: Path, monkeypatch: pytest.MonkeyPatch, moment: str, call: int
) -> None:
    before = FaceSet.read(ada)
    calls = 0
    real = getattr(append, moment)

    def killed(*arguments: object):
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return real(*arguments)

    if (moment, call) != ("write_text", 2):
        monkeypatch.setattr(append, moment, killed)
        with pytest.raises(KeyboardInterrupt):
            add(ada, sample / "target_ada.mp4")
        monkeypatch.undo()
        after = FaceSet.read(ada)
        assert (after.rows, after.files) == (before.rows, before.files)
        np.testing.assert_array_equal(after.read_embeddings(), before.read_embeddings())
    assert add(ada, sample / "target_ada.mp4").total_faces == len(FaceSet.read(ada)) == 21


def test_another_person_is_refused_and_with_a_reference_warned_of(
    ada: Path, facesets: dict[str, Path], sample: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = sample / "target_ben.mp4"
    with pytest.raises(NoFaceFound, match=r"No face in .* looks like ada .*--reference"):
        add(ada, clip)
    assert len(FaceSet.read(ada)) == 18
    ben = FaceSet.read(facesets["ben"])
    picture = ben.directory / ben.rows[0].image
    assert add(ada, clip, reference=(picture,)).total_faces == 21
    assert "look unlike ada" in caplog.text


REFUSALS = {
    "without --add": ({"add": False}, "is a face set already; .* --add, .* --force"),
    "--force too": ({"force": True}, "choose one"),
    "another name": ({"name": "ben"}, "face set of ada and not of ben"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_added_is_refused(ada: Path, sample: Path, name: str) -> None:
    options, words = REFUSALS[name]
    with pytest.raises(UsageError, match=words):
        add(ada, sample / "target_ada.mp4", **options)
    assert len(FaceSet.read(ada)) == 18


def test_a_face_set_does_not_feed_itself(ada: Path) -> None:
    with pytest.raises(UsageError, match="inside"):
        add(ada, ada / "crops")


def test_add_creates_what_does_not_exist(tmp_path: Path, sample: Path) -> None:
    assert add(tmp_path / "new", sample / "target_ada.mp4").identity == "new"
