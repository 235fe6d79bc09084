"""The faces of the setting `preview_faces` are checked before the work, and loaded."""

from pathlib import Path

import numpy as np
import pytest
from tests.helpers.runs import tiny_config

from faceloom.errors import UsageError
from faceloom.faceset import FaceSet
from faceloom_train.config import change_config
from faceloom_train.data.dataset import load_faces, validation_rows
from faceloom_train.data.preview_faces import (
    check_preview_faces,
    find_preview_rows,
    preview_names,
)
from faceloom_train.runs.open_run import open_run
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training


def _names(faceset: FaceSet) -> list[str]:
    return [Path(row.image).stem for row in faceset.rows]


def test_the_faces_of_an_identity_are_named_in_order() -> None:
    setting = ("ada/2", "ben/1", "ada/1")
    assert preview_names(setting, "ada") == ("2", "1")
    assert preview_names(setting, "ben") == ("1",)
    assert preview_names(setting, "eve") == ()


def test_named_faces_are_loaded_validation_faces_too(facesets: dict[str, Path]) -> None:
    faceset = FaceSet.read(facesets["ada"])
    config = tiny_config(validation_faces=2, face_mask="mesh")
    names = _names(faceset)
    validated = Path(validation_rows(faceset, config)[0].image).stem
    trained = names[-1]
    loaded = load_faces(faceset, config, preview=(trained, validated, "rejected"))
    assert loaded.preview_crops is not None
    assert len(loaded.preview_crops) == 2
    np.testing.assert_array_equal(loaded.preview_crops[0], loaded.crops[-1])
    assert not (loaded.preview_crops[1] == loaded.crops).all((1, 2, 3)).any()
    assert load_faces(faceset, config).preview_crops is None
    assert find_preview_rows(faceset, ["rejected"]) == []


def test_faces_that_exist_are_accepted(facesets: dict[str, Path]) -> None:
    names = _names(FaceSet.read(facesets["ada"]))
    check_preview_faces([f"ada/{name}" for name in names], facesets)
    with pytest.raises(UsageError, match=f"{facesets['ada']} has no face nothing"):
        check_preview_faces([f"ada/{names[0]}", "ada/nothing"], facesets)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("[eve/1]", "no identity eve; the run has ada, ben"),
        ("[ada/nothing]", "has no face nothing"),
        ("[ada]", "preview_faces"),
        ("[ada/x/y]", "preview_faces"),
    ],
)
def test_a_face_that_does_not_exist_is_refused_before_the_work(
    tmp_path: Path, facesets: dict[str, Path], value: str, words: str
) -> None:
    config = tiny_config()
    for directory in (tmp_path / "new", tmp_path / "old"):
        if directory.name == "old":
            Run.create(directory, facesets, config)
        with pytest.raises(UsageError, match=words):
            open_run(
                directory,
                facesets,
                lambda current: change_config(current or config, [f"preview_faces={value}"]),
            )
    assert not (tmp_path / "new").exists()
    assert Run.read(tmp_path / "old").settings == config


def test_a_run_continues_after_a_named_face_was_rejected(
    tmp_path: Path, facesets: dict[str, Path]
) -> None:
    config = tiny_config(preview_faces=["ada/rejected"])
    Run.create(tmp_path / "run", facesets, config)
    assert open_run(tmp_path / "run", facesets, lambda _: None).settings == config
