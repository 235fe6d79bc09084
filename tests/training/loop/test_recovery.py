"""A run that goes wrong is brought back, or ends with a sentence; it never goes on broken."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tests.helpers.runs import NETWORK, checkpoint_arrays, rows, tiny_config, tiny_run

from faceloom.errors import PartlyDone
from faceloom.progress import Progress
from faceloom_train.config.schema import TrainConfig
from faceloom_train.loop import memory_budget as memory
from faceloom_train.loop import trainer
from faceloom_train.loop.divergence import DivergedError, LossGuard
from faceloom_train.loop.trainer import train
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.runs.checkpoint import latest_checkpoint
from faceloom_train.runs.run_directory import Run


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable[[set[int]], None]:
    """Let the batches of some steps (from 0) hold what is no number, each only once."""

    def spoil(steps: set[int]) -> None:
        make = trainer.make_dataset

        def spoiled(faces: object, config: TrainConfig, start: int, stop: int) -> tf.data.Dataset:
            bad = tf.constant(sorted(steps) or [-1], tf.int64)
            steps.clear()

            def change(step: tf.Tensor, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
                light = tf.where(tf.reduce_any(bad == step), np.nan, batch["light"])
                return {**batch, "light": light}

            return make(faces, config, start, stop).enumerate(start).map(change)

        monkeypatch.setattr(trainer, "make_dataset", spoiled)

    return spoil


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_bad_step_is_skipped_and_counted(
    tmp_path: Path, facesets: dict[str, Path], spoil: Callable[[set[int]], None], precision: str
) -> None:
    run = tiny_run(tmp_path / "run", facesets, steps=2, precision=precision)
    train(run)
    before = checkpoint_arrays(run)
    spoil({2})
    train(run.with_settings(tiny_config(steps=3, precision=precision), 2))
    after = checkpoint_arrays(run)
    assert [row.get("skipped") for row in rows(run)] == [0, 0, None, 1]
    assert "loss" not in rows(run)[-1]
    scaler = (
        {name for name in before if name.startswith("optimizer/vars/")}
        if "16" in precision
        else set()
    )
    for name in before.keys() - scaler:
        np.testing.assert_array_equal(after[name], before[name], err_msg=name)


def test_five_bad_steps_go_back_to_the_last_checkpoint_with_half_the_rate(
    tmp_path: Path,
    facesets: dict[str, Path],
    spoil: Callable[[set[int]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = tiny_run(tmp_path / "run", facesets, steps=10, checkpoint_every=4)
    spoil({4, 5, 6, 7, 8})
    assert train(run).step == 10
    assert (
        "At step 9 5 steps in a row gave no number: going on from step 4 with half" in caplog.text
    )
    settings = Run.read(run.directory).settings
    assert settings.optimizer.learning_rate == run.settings.optimizer.learning_rate / 2
    noted = [row for row in rows(run) if "loss" not in row]
    assert {"step": 4, "restored": "5 steps in a row gave no number", "left": 9} in noted
    assert [row["step"] for row in rows(run) if "loss" in row] == list(range(1, 11))


def test_what_halving_the_rate_does_not_help_ends_the_run(
    tmp_path: Path, facesets: dict[str, Path]
) -> None:
    run = tiny_run(tmp_path / "run", facesets, steps=2)
    train(run)
    wild = run.with_settings(tiny_config(steps=20, optimizer={"learning_rate": 1e30}), 2)
    with pytest.raises(
        PartlyDone,
        match=r"went wrong again at step .* halved 3 times; its last checkpoint .* step 2",
    ):
        train(wild)
    assert latest_checkpoint(run)[1] == 2
    assert Run.read(run.directory).settings.optimizer.learning_rate == 1e30 / 8


def watched(losses: Sequence[float], *, scaled: bool = False) -> int | None:
    """The step at which the guard gives up."""
    guard = LossGuard(scaled=scaled)
    try:
        for step, loss in enumerate(losses, 1):
            guard.watch(step, loss, skipped=False)
    except DivergedError as error:
        return error.step
    return None


FALLING = [2 * 0.98**step + 0.5 + 0.2 * (-1) ** step for step in range(300)]


@pytest.mark.parametrize(
    ("losses", "gives_up"),
    [
        (FALLING, None),
        ([*FALLING, *[float("nan")] * 4, 0.5, *[float("inf")] * 4], None),
        ([*FALLING, *[float("nan")] * 5], 305),
        ([*FALLING, *[5.0] * 49, *FALLING[200:]], None),
        ([*FALLING, *[5.0] * 50], 350),
        ([*FALLING[:20], *[50.0] * 60], None),
    ],
    ids=["falls", "bad now and then", "bad", "a bump", "collapsed", "just begun"],
)
def test_when_a_loss_is_given_up(losses: list[float], gives_up: int | None) -> None:
    assert watched(losses) == gives_up
    assert watched([float("nan")] * 39, scaled=True) is None


def test_a_step_in_parts_learns_what_a_whole_one_learns(
    tmp_path: Path, facesets: dict[str, Path]
) -> None:
    # A template that moves begins between two pixels, where its slope may be either's.
    network = {**NETWORK, "template_reach": 0}
    whole = tiny_run(tmp_path / "whole", facesets, network=network, batch_size=4)
    parts = tiny_run(
        tmp_path / "parts", facesets, network=network, batch_size=1, effective_batch_size=4
    )
    # Adam's first steps go by the gradients' signs: where one is nearly 0 a weight may go the other way.
    for run in (whole, parts):
        assert train(run).step == 4
    one, other = checkpoint_arrays(whole), checkpoint_arrays(parts)
    assert one.keys() == other.keys()
    for a, b in zip(rows(whole), rows(parts), strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=2e-3)
        assert a["dssim"] == pytest.approx(b["dssim"], rel=2e-3)
    for name, value in one.items():
        assert np.abs(other[name] - value).mean() <= 5e-3 * np.abs(value).mean() + 1e-7, name


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let more faces than a number at once find no memory, as TensorFlow says it."""

    def limit(faces: int) -> None:
        compute = SwapModel.compute_loss

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
            return compute(self, x, y, y_pred, sample_weight, training)

        monkeypatch.setattr(SwapModel, "compute_loss", failing)

    return limit


def test_running_out_of_memory_steps_down_and_goes_on(
    tmp_path: Path,
    facesets: dict[str, Path],
    small_memory: Callable[[int], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = tiny_run(tmp_path / "run", facesets, steps=2, batch_size=6)
    train(run)
    small_memory(2)
    said: list[Progress] = []
    assert train(run.with_settings(tiny_config(steps=3, batch_size=6), 2), said.append).step == 3
    assert (
        "Out of memory with 6 faces of each identity at once: going on from step 2 with 3"
        in caplog.text
    )
    assert (
        "with 3 faces of each identity at once: going on from step 2 with 1 at once" in caplog.text
    )
    settings = Run.read(run.directory).settings
    assert (settings.batch_size, settings.effective_batch_size) == (1, 6)
    assert [row["to"] for row in rows(run) if row.get("changed") == "batch_size"] == [3, 1]
    assert "1 faces of each identity at once" in [p.note for p in said if p.stage == "memory"][-1]


def test_no_memory_for_one_face_ends_the_run(
    tmp_path: Path, facesets: dict[str, Path], small_memory: Callable[[int], None]
) -> None:
    small_memory(0)
    with pytest.raises(PartlyDone, match="even one face"):
        train(tiny_run(tmp_path / "run", facesets, batch_size=1))


@pytest.mark.parametrize(
    ("free", "fits"), [(None, 24), (1e12, 24), (2.1e9, 12), (1.5e9, 4), (1e3, 1)]
)
def test_the_largest_batch_that_fits(free: float | None, fits: int) -> None:
    need = memory.MemoryNeed
    assert memory.fitting_batch(24, lambda faces: need(1e7, 1e7, 60e6 * faces), free) == fits


def test_auto_decides_and_notes_it(
    tmp_path: Path, facesets: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "free_memory", lambda: 1.0)
    run = tiny_run(tmp_path / "run", facesets, steps=1, batch_size="auto", effective_batch_size=4)
    train(run)
    assert rows(run)[0] == {"step": 0, "chosen": "batch_size", "to": 1}
    assert Run.read(run.directory).settings.batch_size == "auto"


@pytest.mark.parametrize(
    ("error", "is_one"),
    [(MemoryError(), True), (RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying"), True),
     (tf.errors.ResourceExhaustedError(None, None, "OOM"), True), (RuntimeError("other"), False)],
)  # fmt: skip
def test_what_running_out_of_memory_looks_like(error: Exception, is_one: bool) -> None:
    assert memory.is_out_of_memory(error) == is_one
    on_top = TypeError("what Keras says while it closes")
    on_top.__context__ = error
    assert memory.is_out_of_memory(on_top) == is_one
