"""A run resumes exactly; its settings change only where that is allowed."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
import pytest
from keras import ops
from tests.helpers.runner.messages import catch_messages
from tests.helpers.runs import (
    NETWORK,
    checkpoint_arrays,
    metrics_rows,
    simple_config,
    simple_run,
    tiny_run,
)

from faceloom.errors import ArtifactRefused, PartlyDone, UsageError
from faceloom_train.data.mean_face import compute_mean_face
from faceloom_train.loop.initial_state import load_training_faces, restore_or_initialize
from faceloom_train.loop.trainer import train
from faceloom_train.model.model_builder import build_compiled_model
from faceloom_train.runs import checkpoint, run_directory
from faceloom_train.runs.checkpoint import (
    latest_checkpoint,
    mark_best,
    read_best,
    restore_checkpoint,
    save_checkpoint,
)
from faceloom_train.runs.checkpoint_paths import checkpoint_step, list_checkpoints
from faceloom_train.runs.open_run import open_run
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training


def test_a_resumed_run_equals_an_uninterrupted_one(
    tmp_path: Path, facesets: dict[str, Path], trained: Run
) -> None:
    """Training stops after the given minutes, here after its first step."""
    interrupted = simple_run(tmp_path / "interrupted", facesets)
    assert train(interrupted, minutes=0).step == 1
    assert train(Run.read(tmp_path / "interrupted")).steps_completed == 3
    assert_equal(interrupted, trained)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("new_run", "precision"),
    [
        pytest.param(tiny_run, "float32", id="all features of networks and augmentation"),
        pytest.param(simple_run, "mixed_bfloat16", id="mixed_bfloat16"),
        pytest.param(simple_run, "mixed_float16", id="mixed_float16"),
    ],
)
def test_a_run_that_lost_two_steps_repeats_them(
    tmp_path: Path, facesets: dict[str, Path], new_run: Callable[..., Run], precision: str
) -> None:
    uninterrupted = new_run(tmp_path / "uninterrupted", facesets, precision=precision)
    summary = train(uninterrupted)
    assert (summary.step, summary.steps_completed) == (4, 4)
    killed = Run.read(Path(shutil.copytree(uninterrupted.directory, tmp_path / "killed")))
    shutil.rmtree(list_checkpoints(killed)[-1])
    assert train(killed).steps_completed == 2
    assert_equal(killed, uninterrupted)


def assert_equal(run: Run, other: Run) -> None:
    """Assert that two runs have the same metrics, but for the time, and the same last state."""
    expected, arrays = checkpoint_arrays(other), checkpoint_arrays(run)
    assert expected.keys() == arrays.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(arrays[name], value, err_msg=name)
    for row, other_row in zip(metrics_rows(run), metrics_rows(other), strict=True):
        assert {**row, "seconds": 0} == {**other_row, "seconds": 0}


def test_three_identities_learn(tmp_path: Path, facesets: dict[str, Path]) -> None:
    faces = {**facesets, "ada again": Path(shutil.copytree(facesets["ada"], tmp_path / "again"))}
    # An identity of two faces has shorter columns in the preview.
    for crop in sorted((faces["ada again"] / "crops").iterdir())[2:]:
        crop.unlink()
    run = simple_run(tmp_path / "run", faces, steps=40, log_every=10)
    summary = train(run)
    losses = [row["loss"] for row in metrics_rows(run)]
    assert losses[-1] < losses[0] * 0.8
    sheet = cv2.imread(str(summary.preview))
    # Three pairs with six labeled rows each, six columns.
    assert sheet.shape == (3 * 6 * (160 + 22), 6 * 160, 3)


def test_a_finished_run_keeps_its_preview(trained: Run) -> None:
    """Its last sheet shows the averaged weights, also if the run is continued without a step."""
    preview = trained.list_previews()[-1]
    before = preview.read_bytes()
    train(trained)
    assert preview.read_bytes() == before


def test_an_incomplete_line_of_metrics_is_dropped(
    tmp_path: Path, facesets: dict[str, Path]
) -> None:
    run = simple_run(tmp_path / "run", facesets)
    run.log_metrics({"step": 1, "loss": 2.0})
    with run.metrics_path.open("a") as file:
        file.write('{"step": 2, "lo')
    run.drop_metrics_after(5)
    assert metrics_rows(run) == [{"step": 1, "loss": 2.0}]


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))


DAMAGE = {
    "a flipped byte": lambda path: flip_a_byte(path / "state.weights.h5"),
    "no weights": lambda path: (path / "state.weights.h5").unlink(),
    "no checkpoint.json": lambda path: (path / "checkpoint.json").unlink(),
    "an incomplete checkpoint.json": lambda path: (path / "checkpoint.json").write_text(
        '{"schema": 1,'
    ),
    "another step's": lambda path: (
        shutil.rmtree(path),
        shutil.copytree(path.parent / "step-00000002", path),
    ),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_checkpoint_is_named_and_the_previous_one_chosen(
    trained: Run, damage: Callable
) -> None:
    damage(trained.directory / "checkpoints" / "step-00000004")
    warnings: list[str] = []
    checkpoint, step = latest_checkpoint(trained, warnings.append)
    assert (checkpoint.name, step) == ("step-00000002", 2)
    (warning,) = warnings
    assert "step-00000004" in warning
    assert "The checkpoint of step 2 is used instead" in warning


@dataclass(frozen=True)
class Continued:
    """A run of four steps that was continued to ten."""

    run: Run
    """The run, with another batch size and other checkpoints to keep."""
    steps_completed: int
    """Steps of the continuation."""
    warnings: tuple[str, ...]
    """What was logged during the continuation."""


@pytest.fixture(scope="module")
def continued(
    tmp_path_factory: pytest.TempPathFactory, four_steps: Path, facesets: dict[str, Path]
) -> Continued:
    """Continue a run with other settings after its checkpoint of step 4 was damaged."""
    directory = Path(shutil.copytree(four_steps, tmp_path_factory.mktemp("continued") / "run"))
    run = Run.create(directory, facesets, simple_config())
    mark_best(run, 2, {"identity": 0.5})
    DAMAGE["a flipped byte"](directory / "checkpoints" / "step-00000004")
    changes = {"steps": 10, "batch_size": 3, "keep_checkpoints": 2, "keep_every": 4}
    run = open_run(directory, {}, lambda current: simple_config(**changes))
    with catch_messages("faceloom_train") as messages:
        completed = train(run).steps_completed
    return Continued(run, completed, tuple(messages))


def test_a_run_with_a_damaged_checkpoint_continues_from_the_previous_one(
    continued: Continued,
) -> None:
    assert continued.steps_completed == 8
    (warning,) = continued.warnings
    assert "The checkpoint of step 2 is used instead" in warning


def test_lost_steps_are_logged_once(continued: Continued) -> None:
    steps = [row["step"] for row in metrics_rows(continued.run) if "loss" in row]
    assert steps == list(range(1, 11))


def test_changed_settings_are_applied_and_logged(continued: Continued) -> None:
    assert continued.run.settings.batch_size == 3
    assert Run.read(continued.run.directory).settings.batch_size == 3
    assert {
        (row["setting"], row["new"])
        for row in metrics_rows(continued.run)
        if row.get("event") == "setting_changed"
    } == {("steps", 10), ("batch_size", 3), ("keep_checkpoints", 2), ("keep_every", 4)}


def kept_steps(run: Run) -> list[int]:
    """The steps of a run's checkpoints."""
    return [checkpoint_step(path) for path in list_checkpoints(run)]


def test_a_run_without_an_undamaged_checkpoint_is_refused(trained: Run) -> None:
    for path in list_checkpoints(trained):
        flip_a_byte(path / "state.weights.h5")
    with pytest.raises(
        ArtifactRefused, match=r"step-00000004 is damaged.*has no undamaged checkpoint"
    ):
        train(trained)


def test_new_permanent_and_best_checkpoints_are_kept_and_others_removed(
    continued: Continued, tmp_path: Path
) -> None:
    run = Run.read(Path(shutil.copytree(continued.run.directory, tmp_path / "run")))
    # The best, two that are permanent, and the newest two.
    assert kept_steps(run) == [2, 4, 8, 10]
    mark_best(run, 10, {"identity": 0.7})
    model = build_compiled_model(run.settings, run.identities)
    restore_checkpoint(model, latest_checkpoint(run)[0])
    for step in (13, 14):
        save_checkpoint(model, run, step)
    assert kept_steps(run) == [4, 8, 10, 13, 14]
    best = read_best(run)
    assert best is not None
    assert (best.step, best.metrics) == (10, {"identity": 0.7})
    with pytest.raises(ArtifactRefused, match="step-00000006"):
        mark_best(run, 6, {})


def test_metrics_are_flushed_before_a_checkpoint(
    trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power failure loses no row of a step that the next run does not train again."""
    flushed: list[str] = []
    monkeypatch.setattr(run_directory, "flush_to_disk", lambda path: flushed.append(path.name))
    model = build_compiled_model(trained.settings, trained.identities)
    with monkeypatch.context() as patch, pytest.raises(PartlyDone):
        patch.setattr(checkpoint, "atomic_directory", _disk_is_full)
        save_checkpoint(model, trained, 8)
    assert flushed == ["metrics.jsonl", trained.directory.name]


def _disk_is_full(path: Path) -> NoReturn:
    raise PartlyDone(f"{path} cannot be written: the disk is full.")


@pytest.mark.exhaustive
def test_steps_that_loss_scaling_skips_are_counted(
    tmp_path: Path, facesets: dict[str, Path]
) -> None:
    """The loss is too large for float16: the scaler skips the update, not the batch."""
    run = simple_run(tmp_path / "run", facesets, precision="mixed_float16", loss={"l1": 1e6})
    summary = train(run)
    assert (summary.step, summary.steps_completed) == (4, 4)
    assert latest_checkpoint(run)[1] == 4
    assert [row["step"] for row in metrics_rows(run)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("coverage", {"coverage": 0.9}),
        ("network.size", {"network": {**simple_config().network.model_dump(), "size": 64}}),
        ("optimizer.ema_momentum", {"optimizer": {"ema_momentum": 0}}),
    ],
)
def test_changes_of_fixed_settings_are_refused(
    tmp_path: Path, facesets: dict[str, Path], key: str, change: dict[str, object]
) -> None:
    simple_run(tmp_path / "run", facesets)
    with pytest.raises(UsageError, match=f"{key} is .* cannot become"):
        open_run(tmp_path / "run", {}, lambda current: simple_config(**change))


def test_invalid_arguments_of_a_run_are_refused(tmp_path: Path, facesets: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="two identities or more and got 1"):
        open_run(tmp_path / "a", {"ada": facesets["ada"]}, lambda current: simple_config())
    with pytest.raises(UsageError, match="--config"):
        open_run(tmp_path / "b", facesets, lambda current: None)
    with pytest.raises(UsageError, match="same face set"):
        open_run(
            tmp_path / "e",
            {"ada": facesets["ada"], "also": facesets["ada"]},
            lambda current: simple_config(),
        )
    with pytest.raises(ArtifactRefused, match="is not a face set"):
        open_run(
            tmp_path / "c",
            {"ada": facesets["ada"], "ben": tmp_path},
            lambda current: simple_config(),
        )
    crossed = {"ada": facesets["ben"], "ben": facesets["ada"]}
    with pytest.raises(UsageError, match=r"this face set is of ben, not of ada.*--rename"):
        open_run(tmp_path / "c", crossed, lambda current: simple_config())
    assert list(tmp_path.iterdir()) == []
    open_run(tmp_path / "f", crossed, lambda current: simple_config(), rename=True)
    open_run(tmp_path / "d", facesets, lambda current: simple_config())
    with pytest.raises(UsageError, match="same --faces"):
        open_run(
            tmp_path / "d",
            {"ada": facesets["ben"], "ben": facesets["ada"]},
            lambda current: current,
        )


def test_a_run_can_be_moved_with_its_faces(tmp_path: Path, facesets: dict[str, Path]) -> None:
    old = tmp_path / "old"
    faces = {name: Path(shutil.copytree(path, old / name)) for name, path in facesets.items()}
    simple_run(old / "run", faces)
    new = old.rename(tmp_path / "new")
    moved = Run.read(new / "run")
    assert all(path.is_dir() for path in moved.faces.values())


@pytest.mark.parametrize("text", ["", "faces: 3", "settings: {", "faces: {}\nsettings: {}"])
def test_a_folder_that_is_not_a_run_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ArtifactRefused, match=r"config\.yaml"):
        Run.read(tmp_path)


def test_a_checkpoint_of_another_network_is_refused_in_one_line(trained: Run) -> None:
    """Another version of Faceloom may have written it, with other layers."""
    other = build_compiled_model(simple_config(network=NETWORK), trained.identities)
    with pytest.raises(
        ArtifactRefused, match=r"step-00000004 holds another network .* use that version"
    ) as refused:
        restore_checkpoint(other, latest_checkpoint(trained)[0])
    assert "\n" not in str(refused.value)


def test_decoders_start_from_the_mean_faces(tmp_path: Path, facesets: dict[str, Path]) -> None:
    run = simple_run(tmp_path / "run", facesets)
    faces = load_training_faces(run)
    model = build_compiled_model(run.settings, run.identities)
    restore_or_initialize(model, run, faces)
    picture = ops.convert_to_numpy(model.decoders[1].get_layer("mean_face").image)
    np.testing.assert_allclose(picture, compute_mean_face(faces[1], 32), atol=1e-6)
    assert np.ptp(picture[..., :3]) > 0.1
