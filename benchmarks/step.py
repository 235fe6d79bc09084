"""How many faces a second presets learn from, and what the data path and all that a run does leave of that.

python benchmarks/step.py FACESET FACESET PRESET[:FACES][,KEY=VALUE...] ...   FACES: of each identity in a step

bare: the step alone, on one batch, which with JAX lies on the device. data: the share of that speed with a new batch
each step. run: and looked at after each, as a run is. Faces are those of both identities. KERAS_BACKEND chooses the
backend.
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
from faceloom_train.config.presets import preset_path
from faceloom_train.config import TrainConfig, read_config
from faceloom_train.data.batch_packing import packed
from faceloom_train.data.dataset import load_faces, make_dataset
from faceloom_train.loop.callbacks import StepCallback, LazyCallbackList, create_observers_and_hooks
from faceloom_train.loop.precision import resolve_precision
from faceloom_train.loop.trainer import build_compiled_model, dtype_policy
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.model.train_step import TOLD
from faceloom_train.runs.run_directory import Run

# How long each is measured, after the first steps, which compile.
SECONDS, FIRST = 5, 12
ENDLESS = 1_000_000
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
    for asked in presets:
        name, config = settings_of(asked)
        with dtype_policy(config.precision), tempfile.TemporaryDirectory() as folder:
            run = Run.create(Path(folder) / "run", paths, config)
            print(
                f"| {name} | {config.precision} | {config.batch_size} | {measured(run)} |",
                flush=True,
            )


def settings_of(asked: str) -> tuple[str, TrainConfig]:
    preset, *changes = asked.split(",")
    name, _, faces = preset.partition(":")
    chosen = [f"batch_size={faces}", "micro_batch_size=null"] if faces else []
    return ", ".join([name, *changes]), resolve_precision(
        read_config(preset_path(name), [*QUIET, *chosen, *changes]), None
    )


def measured(run: Run) -> str:
    settings = run.settings
    faces = [load_faces(FaceSet.read(path), settings) for path in run.faces.values()]
    model = build_compiled_model(settings, run.identities)
    batches, model.layout = packed(make_dataset(faces, settings, 0, ENDLESS))
    step = bare_step(model, next(iter(batches)))
    began = time.perf_counter()
    ops.convert_to_numpy(step()[TOLD])
    compiled = time.perf_counter() - began
    bare = steps_a_second(step)
    data = in_fit(model, batches)
    looking = create_observers_and_hooks(run, faces, lambda _: None, lambda: False, float("inf"))
    whole = in_fit(model, batches, StepCallback(0, 0, *looking))
    return f"{compiled:.0f} | {bare * settings.batch_size * len(faces):,.0f} | {data / bare:.3f} | {whole / bare:.3f}"


def bare_step(model: SwapModel, batch: Mapping[str, Any]) -> Callable[[], Mapping[str, Any]]:
    """Return what makes a step of `fit` on the same batch again and again."""
    model.make_train_function()
    if keras.backend.backend() != "jax":
        same = iter(tf.data.Dataset.from_tensors(batch).repeat())
        return lambda: model.train_function(same)
    import jax

    feed = repeat({name: jax.device_put(value.numpy()) for name, value in batch.items()})
    kinds = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    # Copies: a step writes into the memory of the one before.
    state = [tuple([jax.numpy.array(v.value) for v in kind] for kind in kinds)]

    def step() -> Mapping[str, Any]:
        values, state[0] = model.train_function(state[0], feed)
        return values

    return step


def steps_a_second(step: Callable[[], Mapping[str, Any]]) -> float:
    for _ in range(FIRST):
        ops.convert_to_numpy(step()[TOLD])
    began, count = time.perf_counter(), 0
    while time.perf_counter() < began + SECONDS:
        values, count = step(), count + 1
    ops.convert_to_numpy(values[TOLD])
    return count / (time.perf_counter() - began)


class Clock(keras.callbacks.Callback):
    """Ends a fit after SECONDS and tells how many steps it made in one of them."""

    rate = began = 0.0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if batch == FIRST:
            ops.convert_to_numpy(logs[TOLD])
            self.began = time.perf_counter()
        elif batch > FIRST and time.perf_counter() > self.began + SECONDS:
            ops.convert_to_numpy(logs[TOLD])
            self.rate = (batch - FIRST) / (time.perf_counter() - self.began)
            self._model.stop_training = True


def in_fit(
    model: SwapModel, batches: tf.data.Dataset, *callbacks: keras.callbacks.Callback
) -> float:
    clock = Clock()
    for variable in model.optimizer.variables:
        # A fit ends with the averages in the place of the weights, in the same memory, which JAX cannot begin with.
        variable.assign(ops.convert_to_numpy(variable))
    model.fit(
        batches,
        epochs=1,
        steps_per_epoch=ENDLESS,
        verbose=0,
        shuffle=False,
        callbacks=LazyCallbackList([*callbacks, clock], add_history=True, model=model),
    )
    return clock.rate


if __name__ == "__main__":
    main(*sys.argv[1:])
