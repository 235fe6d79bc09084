"""Training speed of presets, and what the data pipeline and a whole run leave of it.

python -m benchmarks.training.step FACESET FACESET PRESET[:BATCH_SIZE][,KEY=VALUE...] ...

Columns: bare: steps on one batch, which lies on the device with JAX. data: the fraction of that
speed with a new batch for each step. run: the same with the observers and hooks of a run. Faces are
those of both identities. KERAS_BACKEND selects the backend.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from itertools import repeat
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf
from keras import ops

from faceloom.faceset import FaceSet
from faceloom_train.config import TrainConfig, preset_path, read_config
from faceloom_train.data import load_faces, make_dataset, pack_batches
from faceloom_train.keras_compat import LazyCallbackList
from faceloom_train.loop.callbacks import StepCallback, create_observers_and_hooks
from faceloom_train.model import STEP_OUTPUTS, SwapModel, build_compiled_model, dtype_policy
from faceloom_train.runs.precision import resolve_precision
from faceloom_train.runs.run_directory import Run

# Duration of each measurement in seconds.
SECONDS = 5
# Steps before a measurement starts; the first of them compiles.
WARM_UP_STEPS = 12
# More steps than a measurement can reach.
ENDLESS = 1_000_000
# Settings that leave out checkpoints, previews and evaluations.
QUIET = [
    f"steps={ENDLESS}",
    f"checkpoint_every={ENDLESS}",
    f"preview_every={ENDLESS}",
    "evaluate_every=0",
]


def main(first: str, second: str, *presets: str) -> None:
    paths = {FaceSet.read(Path(path)).identity: Path(path) for path in (first, second)}
    print(
        "| preset | precision | faces of each | first step, s | bare, faces/s | data | run |",
        "|---" * 7 + "|",
        sep="\n",
    )
    for argument in presets:
        name, config = parse_preset(argument)
        with dtype_policy(config.precision), tempfile.TemporaryDirectory() as folder:
            run = Run.create(Path(folder) / "run", paths, config)
            print(
                f"| {name} | {config.precision} | {config.batch_size} | {measure(run)} |",
                flush=True,
            )


def parse_preset(argument: str) -> tuple[str, TrainConfig]:
    """The name in the table, and the configuration."""
    preset, *changes = argument.split(",")
    name, _, batch_size = preset.partition(":")
    sizes = [f"batch_size={batch_size}", "micro_batch_size=null"] if batch_size else []
    config = read_config(preset_path(name), [*QUIET, *sizes, *changes])
    return ", ".join([name, *changes]), resolve_precision(config, None)


def measure(run: Run) -> str:
    """The measured cells of a row."""
    settings = run.settings
    faces = [load_faces(FaceSet.read(path), settings) for path in run.faces.values()]
    model = build_compiled_model(settings, run.identities)
    batches = pack_batches(make_dataset(faces, settings, 0, ENDLESS), model.batch_layout)
    step = make_bare_step(model, next(iter(batches)))
    start = time.perf_counter()
    ops.convert_to_numpy(step()[STEP_OUTPUTS])
    first_step = time.perf_counter() - start
    bare = steps_per_second(step)
    data = steps_per_second_in_fit(model, batches)
    observers, hooks = create_observers_and_hooks(
        run, faces, lambda _: None, lambda: False, float("inf")
    )
    whole = steps_per_second_in_fit(model, batches, StepCallback(0, 0, observers, hooks))
    faces_per_second = bare * settings.batch_size * len(faces)
    return f"{first_step:.0f} | {faces_per_second:,.0f} | {data / bare:.3f} | {whole / bare:.3f}"


def make_bare_step(model: SwapModel, batch: Mapping[str, Any]) -> Callable[[], Mapping[str, Any]]:
    """Return a function that runs a step of `fit` on the same batch."""
    model.make_train_function()
    if keras.backend.backend() != "jax":
        same = iter(tf.data.Dataset.from_tensors(batch).repeat())
        return lambda: model.train_function(same)
    import jax

    feed = repeat({name: jax.device_put(value.numpy()) for name, value in batch.items()})
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    # Copies, because a step reuses the memory of the previous state.
    state = [tuple([jax.numpy.array(v.value) for v in group] for group in groups)]

    def step() -> Mapping[str, Any]:
        logs, state[0] = model.train_function(state[0], feed)
        return logs

    return step


def steps_per_second(step: Callable[[], Mapping[str, Any]]) -> float:
    for _ in range(WARM_UP_STEPS):
        ops.convert_to_numpy(step()[STEP_OUTPUTS])
    start, count = time.perf_counter(), 0
    while time.perf_counter() < start + SECONDS:
        logs, count = step(), count + 1
    ops.convert_to_numpy(logs[STEP_OUTPUTS])
    return count / (time.perf_counter() - start)


class SpeedCallback(keras.callbacks.Callback):
    """Ends a `fit` after SECONDS and measures its steps per second."""

    rate = started = 0.0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if batch == WARM_UP_STEPS:
            ops.convert_to_numpy(logs[STEP_OUTPUTS])
            self.started = time.perf_counter()
        elif batch > WARM_UP_STEPS and time.perf_counter() > self.started + SECONDS:
            ops.convert_to_numpy(logs[STEP_OUTPUTS])
            self.rate = (batch - WARM_UP_STEPS) / (time.perf_counter() - self.started)
            self._model.stop_training = True


def steps_per_second_in_fit(
    model: SwapModel, batches: tf.data.Dataset, *callbacks: keras.callbacks.Callback
) -> float:
    speed = SpeedCallback()
    for variable in model.optimizer.variables:
        # `fit` ends with the averages in the weights' memory, which JAX cannot start from.
        variable.assign(ops.convert_to_numpy(variable))
    model.fit(
        batches,
        epochs=1,
        steps_per_epoch=ENDLESS,
        verbose=0,
        shuffle=False,
        callbacks=LazyCallbackList([*callbacks, speed], add_history=True, model=model),
    )
    return speed.rate


if __name__ == "__main__":
    main(*sys.argv[1:])
