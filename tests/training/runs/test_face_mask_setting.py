"""Runs from before there was `face_mask` go on as they were."""

from pathlib import Path

import pytest
import yaml
from tests.helpers.runs import tiny_config, tiny_run

from faceloom.errors import UsageError
from faceloom_train.config import change_config, preset_path, read_config
from faceloom_train.config.schema import TrainConfig
from faceloom_train.runs.describe import describe_run
from faceloom_train.runs.open_run import open_run
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training


@pytest.fixture
def old_run(tmp_path: Path, facesets: dict[str, Path]) -> Path:
    """A run whose stored settings lack the key."""
    run = tiny_run(tmp_path / "run", facesets)
    path = run.directory / "config.yaml"
    document = yaml.safe_load(path.read_text())
    assert document["settings"].pop("face_mask") == "regions"
    path.write_text(yaml.safe_dump(document))
    return run.directory


def without_the_key() -> TrainConfig:
    """The settings as a configuration file gives them."""
    settings = tiny_config().model_dump(mode="json", exclude={"face_mask"})
    return TrainConfig.model_validate(settings)


def test_an_old_run_is_masked_by_the_mesh(old_run: Path) -> None:
    assert Run.read(old_run).settings.face_mask == "mesh"
    assert describe_run(old_run)["face_mask"] == "mesh"


def test_an_old_run_is_continued_by_the_command_that_created_it(old_run: Path) -> None:
    run = open_run(old_run, {}, lambda _: without_the_key())
    assert run.settings.face_mask == "mesh"
    assert not run.read_metrics()


@pytest.mark.parametrize("named", [True, False])
def test_a_run_cannot_change_its_masks(old_run: Path, *, named: bool) -> None:
    def settings(current: TrainConfig | None) -> TrainConfig:
        base = current if named else without_the_key()
        assert base
        return change_config(base, ["face_mask=regions"])

    with pytest.raises(UsageError, match="face_mask is 'mesh' in this run"):
        open_run(old_run, {}, settings)


@pytest.mark.parametrize(
    ("preset", "face_mask"), [("laptop_128", "regions"), ("original_64", "mesh")]
)
def test_a_new_run_has_the_masks_of_its_preset(
    tmp_path: Path, facesets: dict[str, Path], preset: str, face_mask: str
) -> None:
    settings = read_config(preset_path(preset), ["precision=float32"])
    assert open_run(tmp_path / "run", facesets, lambda _: settings).settings.face_mask == face_mask
