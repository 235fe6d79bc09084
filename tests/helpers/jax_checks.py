"""Checks of training on JAX, in their own process: Keras' backend is chosen before its import.

    KERAS_BACKEND=jax python jax_checks.py FOLDER GROUP NAME=FACESET ...

Prints a JSON object: for each check its traceback, or null if it passed.
"""

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import jax
import keras
import numpy as np
import tensorflow as tf
from keras import ops
from tests.helpers.runs import (
    checkpoint_arrays,
    metrics_rows,
    simple_run,
    tiny_run,
    write_checkpoints,
)

from faceloom_train.data.dataset import make_dataset
from faceloom_train.distributed.open_strategy import open_strategy
from faceloom_train.loop import fit_steps
from faceloom_train.loop.trainer import train
from faceloom_train.model.losses import mean_dssim
from faceloom_train.model.model_builder import build_compiled_model
from faceloom_train.runs.checkpoint import latest_checkpoint, restore_checkpoint
from faceloom_train.runs.run_directory import Run

Check = Callable[[Path, dict[str, Path]], None]

# Two micro-batches of one face on each of two devices, and one number of steps, on which the
# learning rates depend: runs of equal settings share a compiled step.
SIMPLE = {"batch_size": 4, "steps": 8}


def stop_after(steps: int) -> Callable[[], bool]:
    """Return a `stop_requested` that ends training after some steps."""
    answers = iter([False] * (steps - 1) + [True])
    return lambda: next(answers)


def training_reduces_the_loss(folder: Path, faces: dict[str, Path]) -> None:
    # On JAX, a step that is not compiled compiles each of its operations.
    settings = {"steps": 20, "batch_size": 4, "jit_compile": True}
    _train_and_compare_losses(simple_run(folder / "first", faces, **settings))


def training_with_all_features_reduces_the_loss(folder: Path, faces: dict[str, Path]) -> None:
    """With all features of networks and augmentation."""
    _train_and_compare_losses(tiny_run(folder / "all", faces, steps=6, batch_size=4))


def _train_and_compare_losses(run: Run) -> None:
    assert train(run).steps_completed == run.settings.steps
    losses = [row["loss"] for row in metrics_rows(run)]
    assert losses[-1] < 0.9 * losses[0], losses


def resume_is_exact(folder: Path, faces: dict[str, Path]) -> None:
    uninterrupted = simple_run(folder / "uninterrupted", faces, **SIMPLE)
    assert train(uninterrupted, stop_requested=stop_after(6)).step == 6
    run = simple_run(folder / "interrupted", faces, **SIMPLE)
    assert train(run, stop_requested=stop_after(2)).step == 2
    resumed = Run.read(folder / "interrupted")
    assert train(resumed, stop_requested=stop_after(4)).steps_completed == 4
    assert_similar(run, uninterrupted, 0)


def a_step_with_non_finite_values_is_skipped(folder: Path, faces: dict[str, Path]) -> None:
    def bad_dataset(*arguments: object) -> tf.data.Dataset:
        return make_dataset(*arguments).map(
            lambda batch: {**batch, "color_jitter": batch["color_jitter"] * np.nan}
        )

    run = Run.read(folder / "interrupted")
    before = checkpoint_arrays(run)
    with patch.object(fit_steps, "make_dataset", bad_dataset):
        train(run, stop_requested=stop_after(1))
    last = metrics_rows(run)[-1]
    assert (last["step"], last["skipped_steps"]) == (7, 1)
    assert "loss" not in last
    after = checkpoint_arrays(run)
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


def divergence_restores_the_last_checkpoint(folder: Path, faces: dict[str, Path]) -> None:
    """Divergence is detected while the next step is computed."""
    run = simple_run(folder / "diverging", faces, **SIMPLE)
    initial_rate = run.settings.optimizer.learning_rate

    def bad_dataset(*arguments: object) -> tf.data.Dataset:
        is_lowered = Run.read(run.directory).settings.optimizer.learning_rate < initial_rate
        offset = tf.constant(0.0 if is_lowered else np.nan, tf.float32)
        enumerated = make_dataset(*arguments).enumerate(arguments[2])
        return enumerated.map(
            lambda step, batch: {
                **batch,
                "color_jitter": batch["color_jitter"] + tf.where(step < 2, 0.0, offset),
            }
        )

    with patch.object(fit_steps, "make_dataset", bad_dataset):
        assert train(run).step == 8
    steps = [row["step"] for row in metrics_rows(Run.read(run.directory)) if "loss" in row]
    assert steps == list(range(1, 9))
    assert Run.read(run.directory).settings.optimizer.learning_rate == initial_rate / 2


def two_devices_learn_the_same(folder: Path, faces: dict[str, Path]) -> None:
    """With micro-batches and gradient checkpointing."""
    strategy = open_strategy("2")
    assert strategy.device_count == 2
    settings = {**SIMPLE, "micro_batch_size": 1, "gradient_checkpointing": True}
    run = simple_run(folder / "two", faces, **settings)
    train(run, stop_requested=stop_after(6), strategy=strategy)
    assert_similar(run, Run.read(folder / "uninterrupted"), 5e-3)


def dssim_works_at_three_scales(folder: Path, faces: dict[str, Path]) -> None:
    """Keras 3.15 on JAX fails for pooling without explicit strides."""
    image = np.random.default_rng(0).random((1, 64, 64, 3), np.float32)
    weights = np.full((1, 64, 64, 1), 1 / 64**2, np.float32)
    # One compilation instead of one for each operation.
    compiled = jax.jit(lambda other: mean_dssim(weights, image, other, 3))
    assert float(compiled(image)) < 1e-5
    assert float(compiled(image[:, ::-1])) > 0.3


def predictions_are_saved_for_tensorflow(folder: Path, faces: dict[str, Path]) -> None:
    """Save the input of a later test: TensorFlow must predict the same with these weights."""
    run = write_checkpoints(tiny_run(folder / "tiny", faces), 2)
    model = build_compiled_model(run.settings, run.identities)
    restore_checkpoint(model, latest_checkpoint(run)[0])
    face = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    prediction = ops.convert_to_numpy(model.networks.predict(face, 1))
    np.savez(folder / "prediction.npz", face=face, prediction=prediction)


def assert_similar(run: Run, other: Run, relative: float) -> None:
    """Assert that two checkpoints differ by at most a fraction of each array's mean magnitude."""
    arrays, others = checkpoint_arrays(run), checkpoint_arrays(other)
    assert arrays.keys() == others.keys()
    for name, value in arrays.items():
        assert np.abs(others[name] - value).mean() <= relative * np.abs(value).mean(), name


# Each group needs its own process. A check may read the runs of those before it.
GROUPS: dict[str, tuple[Check, ...]] = {
    "networks": (
        training_reduces_the_loss,
        dssim_works_at_three_scales,
        predictions_are_saved_for_tensorflow,
    ),
    "runs": (
        training_with_all_features_reduces_the_loss,
        resume_is_exact,
        a_step_with_non_finite_values_is_skipped,
        divergence_restores_the_last_checkpoint,
        two_devices_learn_the_same,
    ),
}


def main() -> None:
    assert keras.backend.backend() == "jax"
    folder = Path(sys.argv[1])
    faces = {name: Path(path) for name, path in (word.split("=", 1) for word in sys.argv[3:])}
    jax.config.update("jax_num_cpu_devices", 2)
    # Checks that resume the same run share its compiled step.
    jax.config.update("jax_compilation_cache_dir", str(folder / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    results: dict[str, str | None] = {}
    for check in GROUPS[sys.argv[2]]:
        try:
            check(folder, faces)
            results[check.__name__] = None
        except Exception:
            results[check.__name__] = traceback.format_exc()
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
