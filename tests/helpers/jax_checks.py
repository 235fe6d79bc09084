"""Training on JAX, in a process of its own: Keras' backend is chosen before it is imported.

    KERAS_BACKEND=jax python jax_checks.py FOLDER NAME=FACESET ...

Prints a JSON object: the name of each check and what went wrong, null if nothing.
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
from tests.helpers.runs import checkpoint_arrays, rows, tiny_config, tiny_run

from faceloom_train.data.dataset import make_dataset
from faceloom_train.distributed.strategy import open_strategy
from faceloom_train.loop import trainer
from faceloom_train.loop.trainer import train
from faceloom_train.model.losses import mean_dssim
from faceloom_train.runs.run_directory import Run

Check = Callable[[Path, dict[str, Path]], None]


def trains(folder: Path, faces: dict[str, Path]) -> None:
    run = tiny_run(folder / "whole", faces, steps=6)
    assert train(run).steps_completed == 6
    losses = [row["loss"] for row in rows(run)]
    assert losses[-1] < 0.9 * losses[0], losses


def continues_exactly(folder: Path, faces: dict[str, Path]) -> None:
    run = tiny_run(folder / "broken", faces, steps=6)
    answers = iter([False, True])
    assert train(run, stop_asked=lambda: next(answers)).step == 2
    assert train(Run.read(folder / "broken")).steps_completed == 4
    assert_alike(run, Run.read(folder / "whole"), 0)


def skips_what_is_no_number(folder: Path, faces: dict[str, Path]) -> None:
    def spoiled(*arguments: object) -> tf.data.Dataset:
        return make_dataset(*arguments).map(
            lambda batch: {**batch, "color_jitter": batch["color_jitter"] * np.nan}
        )

    run = Run.read(folder / "broken")
    before = checkpoint_arrays(run)
    with patch.object(trainer, "make_dataset", spoiled):
        train(run.with_settings(tiny_config(steps=7), 6))
    last = rows(run)[-1]
    assert (last["step"], last["skipped"]) == (7, 1)
    assert "loss" not in last
    after = checkpoint_arrays(run)
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


def goes_back_when_steps_are_no_numbers(folder: Path, faces: dict[str, Path]) -> None:
    """Which is seen while the next step is computed."""
    run = tiny_run(folder / "bad", faces, steps=12, checkpoint_every=4)

    def spoiled(*arguments: object) -> tf.data.Dataset:
        lower = (
            Run.read(run.directory).settings.optimizer.learning_rate
            < run.settings.optimizer.learning_rate
        )
        bad = tf.constant(0.0 if lower else np.nan, tf.float32)
        numbered = make_dataset(*arguments).enumerate(arguments[2])
        return numbered.map(
            lambda n, batch: {**batch, "color_jitter": batch["color_jitter"] + tf.where(n < 5, 0.0, bad)}
        )

    with patch.object(trainer, "make_dataset", spoiled):
        assert train(run).step == 12
    kinds = [row for row in rows(Run.read(run.directory)) if "loss" in row]
    assert [row["step"] for row in kinds] == list(range(1, 13)), kinds
    assert (
        Run.read(run.directory).settings.optimizer.learning_rate
        == run.settings.optimizer.learning_rate / 2
    )


def learns_the_same_in_parts(folder: Path, faces: dict[str, Path]) -> None:
    run = tiny_run(folder / "parts", faces, steps=6, batch_size=2, micro_batch_size=1)
    train(run)
    assert_alike(run, Run.read(folder / "whole"), 5e-3)


def learns_the_same_on_two_devices(folder: Path, faces: dict[str, Path]) -> None:
    """Computing again what was not kept, too."""
    devices = open_strategy("2")
    assert devices.count == 2
    run = tiny_run(folder / "two", faces, steps=6, gradient_checkpointing=True)
    train(run, devices=devices)
    assert_alike(run, Run.read(folder / "whole"), 5e-3)


def compares_at_three_scales(folder: Path, faces: dict[str, Path]) -> None:
    """Keras 3.15 on JAX fails where pictures are shrunk by a step that is not named."""
    drawn = np.random.default_rng(0).random((1, 64, 64, 3), np.float32)
    weights = np.full((1, 64, 64, 1), 1 / 64**2, np.float32)
    assert float(mean_dssim(weights, drawn, drawn, 3)) < 1e-5
    assert float(mean_dssim(weights, drawn, drawn[:, ::-1], 3)) > 0.3


def draws(folder: Path, faces: dict[str, Path]) -> None:
    """Not a check: what TensorFlow must draw of the same weights."""
    run = Run.read(folder / "whole")
    model = trainer.build_compiled_model(run.settings, run.identities)
    trainer.restore_checkpoint(model, trainer.latest_checkpoint(run)[0])
    seen = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    np.savez(
        folder / "drawn.npz", seen=seen, drawn=ops.convert_to_numpy(model.networks.predict(seen, 1))
    )


def assert_alike(one: Run, other: Run, relative: float) -> None:
    arrays, others = checkpoint_arrays(one), checkpoint_arrays(other)
    assert arrays.keys() == others.keys()
    for name, value in arrays.items():
        assert np.abs(others[name] - value).mean() <= relative * np.abs(value).mean(), name


CHECKS: tuple[Check, ...] = (
    trains,
    continues_exactly,
    skips_what_is_no_number,
    goes_back_when_steps_are_no_numbers,
    learns_the_same_in_parts,
    learns_the_same_on_two_devices,
    compares_at_three_scales,
    draws,
)


def main() -> None:
    assert keras.backend.backend() == "jax"
    folder = Path(sys.argv[1])
    faces = {name: Path(path) for name, path in (word.split("=", 1) for word in sys.argv[2:])}
    jax.config.update("jax_num_cpu_devices", 2)
    # The same step is compiled once for all that continue with it.
    jax.config.update("jax_compilation_cache_dir", str(folder / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    found: dict[str, str | None] = {}
    for check in CHECKS:
        try:
            check(folder, faces)
            found[check.__name__] = None
        except Exception:
            found[check.__name__] = traceback.format_exc()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
