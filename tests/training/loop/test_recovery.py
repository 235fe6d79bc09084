"""A run that diverges or exhausts memory is restored, or ends with an explanation."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tests.helpers.runs import checkpoint_arrays, metrics_rows, simple_config, simple_run

from faceloom.errors import PartlyDone
from faceloom.operating_system import is_memory_exhausted
from faceloom.progress import Progress
from faceloom_train.config.schema import TrainConfig
from faceloom_train.loop import fit_steps, memory_budget, recovery
from faceloom_train.loop.divergence import DivergedError, DivergenceDetector
from faceloom_train.loop.trainer import train
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.runs.checkpoint import latest_checkpoint
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training


@pytest.fixture
def add_bad_batches(monkeypatch: pytest.MonkeyPatch) -> Callable[[set[int]], None]:
    """Put NaN into the batches of some steps (from 0), each once."""

    def add(steps: set[int]) -> None:
        make_dataset = fit_steps.make_dataset

        def bad_dataset(
            faces: object, config: TrainConfig, start: int, stop: int
        ) -> tf.data.Dataset:
            bad = tf.constant(sorted(steps) or [-1], tf.int64)
            steps.clear()

            def change(step: tf.Tensor, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
                jitter = tf.where(tf.reduce_any(bad == step), np.nan, batch["color_jitter"])
                return {**batch, "color_jitter": jitter}

            return make_dataset(faces, config, start, stop).enumerate(start).map(change)

        monkeypatch.setattr(fit_steps, "make_dataset", bad_dataset)

    return add


@pytest.mark.parametrize(
    "precision", ["float32", pytest.param("mixed_float16", marks=pytest.mark.exhaustive)]
)
def test_a_step_with_non_finite_gradients_is_skipped_and_counted(
    tmp_path: Path,
    facesets: dict[str, Path],
    add_bad_batches: Callable[[set[int]], None],
    precision: str,
) -> None:
    run = simple_run(tmp_path / precision, facesets, steps=5, precision=precision)
    add_bad_batches({4})
    train(run)
    before, after = checkpoint_arrays(run, 4), checkpoint_arrays(run, 5)
    assert [row.get("skipped_steps") for row in metrics_rows(run)] == [0, 0, 0, 0, 1]
    assert "loss" not in metrics_rows(run)[-1]
    # The loss scaler's own state changes.
    is_scaled = precision == "mixed_float16"
    scaler = {name for name in before if is_scaled and name.startswith("optimizer/vars/")}
    for name in before.keys() - scaler:
        np.testing.assert_array_equal(after[name], before[name], err_msg=name)


def test_five_bad_steps_restore_the_last_checkpoint_with_half_the_learning_rate(
    tmp_path: Path,
    facesets: dict[str, Path],
    add_bad_batches: Callable[[set[int]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = simple_run(tmp_path / "run", facesets, steps=10, checkpoint_every=4)
    add_bad_batches({4, 5, 6, 7, 8})
    assert train(run).step == 10
    assert (
        "Training stopped at step 9 because 5 consecutive steps had non-finite values: resuming "
        "from step 4 with half the learning rate" in caplog.text
    )
    settings = Run.read(run.directory).settings
    assert settings.optimizer.learning_rate == run.settings.optimizer.learning_rate / 2
    events = [row for row in metrics_rows(run) if "event" in row]
    assert {
        "step": 4,
        "event": "restored",
        "reason": "5 consecutive steps had non-finite values",
        "failed_step": 9,
    } in events
    assert [row["step"] for row in metrics_rows(run) if "loss" in row] == list(range(1, 11))


@pytest.mark.exhaustive
def test_a_run_that_keeps_diverging_ends(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "MAX_RESTORES", 1)
    diverging = trained.with_settings(simple_config(steps=20, optimizer={"learning_rate": 1e30}), 4)
    with pytest.raises(
        PartlyDone,
        match=r"diverged again at step .* halved 1 times; its last checkpoint .* step 4",
    ):
        train(diverging)
    assert latest_checkpoint(trained)[1] == 4
    assert Run.read(trained.directory).settings.optimizer.learning_rate == 1e30 / 2


def divergence_step(losses: Sequence[float], *, loss_scaling: bool = False) -> int | None:
    """The step at which divergence is detected; None if it is not."""
    detector = DivergenceDetector(loss_scaling=loss_scaling)
    try:
        for step, loss in enumerate(losses, 1):
            detector.check(step, loss, skipped=False)
    except DivergedError as error:
        return error.step
    return None


FALLING = [2 * 0.98**step + 0.5 + 0.2 * (-1) ** step for step in range(300)]


@pytest.mark.parametrize(
    ("losses", "step"),
    [
        (FALLING, None),
        ([*FALLING, *[float("nan")] * 4, 0.5, *[float("inf")] * 4], None),
        ([*FALLING, *[float("nan")] * 5], 305),
        ([*FALLING, *[5.0] * 49, *FALLING[200:]], None),
        ([*FALLING, *[5.0] * 50], 350),
        ([*FALLING[:20], *[50.0] * 60], None),
    ],
    ids=["falling", "sometimes NaN", "NaN", "high for a while", "high", "high at the start"],
)
def test_divergence_is_detected(losses: list[float], step: int | None) -> None:
    assert divergence_step(losses) == step
    assert divergence_step([float("nan")] * 39, loss_scaling=True) is None


def test_micro_batches_of_a_chosen_size_learn_what_a_whole_batch_learns(
    tmp_path: Path, facesets: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # In a mean face that shifts, samples start exactly between two pixels, where the gradient is
    # ambiguous; in this network it does not.
    whole = simple_run(tmp_path / "whole", facesets, batch_size=4)
    parts = simple_run(tmp_path / "parts", facesets, batch_size=4, micro_batch_size="auto")
    monkeypatch.setattr(memory_budget, "free_memory", lambda: 1.0)
    for run in (whole, parts):
        assert train(run).step == 4
    chosen, *rows = metrics_rows(parts)
    assert chosen == {
        "step": 0,
        "event": "setting_chosen",
        "setting": "micro_batch_size",
        "value": 1,
    }
    assert Run.read(parts.directory).settings.micro_batch_size == "auto"
    for row, other in zip(metrics_rows(whole), rows, strict=True):
        assert row["loss"] == pytest.approx(other["loss"], rel=2e-3)
        assert row["dssim"] == pytest.approx(other["dssim"], rel=2e-3)
    arrays, others = checkpoint_arrays(whole), checkpoint_arrays(parts)
    assert arrays.keys() == others.keys()
    # Adam's first steps depend on the gradients' signs, which rounding may change near 0.
    for name, value in arrays.items():
        assert np.abs(others[name] - value).mean() <= 5e-3 * np.abs(value).mean() + 1e-7, name


@pytest.fixture
def limit_memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make larger micro-batches than a number fail as TensorFlow does without memory."""

    def limit(faces: int) -> None:
        compute_loss = SwapModel.compute_loss

        def failing(
            self: SwapModel,
            x: Any = None,
            y: Any = None,
            y_pred: Any = None,
            sample_weight: Any = None,
            training: bool = True,
        ) -> Any:
            if x["crops"].shape[0] > faces:
                raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
            return compute_loss(self, x, y, y_pred, sample_weight, training)

        monkeypatch.setattr(SwapModel, "compute_loss", failing)

    return limit


@pytest.mark.exhaustive
def test_out_of_memory_resumes_with_smaller_micro_batches(
    trained: Run, limit_memory: Callable[[int], None], caplog: pytest.LogCaptureFixture
) -> None:
    limit_memory(2)
    events: list[Progress] = []
    run = trained.with_settings(simple_config(steps=5, batch_size=6), 4)
    assert train(run, events.append).step == 5
    for before, after in ((6, 3), (3, 1)):
        assert (
            f"Out of memory with {before} faces of each identity at once: resuming from step 4 "
            f"with {after} at once" in caplog.text
        )
    settings = Run.read(run.directory).settings
    assert (settings.batch_size, settings.micro_batch_size) == (6, 1)
    changes = [row for row in metrics_rows(run) if row.get("setting") == "micro_batch_size"]
    assert [row["new"] for row in changes] == [3, 1]
    estimates = [event.note for event in events if event.stage == "memory"]
    assert "micro-batch of 1 faces of each identity" in estimates[-1]


def test_out_of_memory_with_one_face_ends_the_run(
    tmp_path: Path, facesets: dict[str, Path], limit_memory: Callable[[int], None]
) -> None:
    limit_memory(0)
    with pytest.raises(PartlyDone, match="even with one face"):
        train(simple_run(tmp_path / "run", facesets, batch_size=1))


@pytest.mark.parametrize(
    ("free", "size"), [(None, 24), (1e12, 24), (2.1e9, 12), (1.5e9, 4), (1e3, 1)]
)
def test_the_largest_micro_batch_that_fits_is_chosen(free: float | None, size: int) -> None:
    def estimate(faces: int) -> memory_budget.MemoryEstimate:
        return memory_budget.MemoryEstimate(1e7, 1e7, 60e6 * faces)

    assert memory_budget.largest_fitting_micro_batch(24, estimate, free) == size


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying"), True),
        (tf.errors.ResourceExhaustedError(None, None, "OOM"), True),
        (RuntimeError("other"), False),
    ],
)
def test_out_of_memory_errors_are_recognized(error: Exception, expected: bool) -> None:
    assert is_memory_exhausted(error) == expected
    later = TypeError("raised by Keras while fit ends")
    later.__context__ = error
    assert is_memory_exhausted(later) == expected
