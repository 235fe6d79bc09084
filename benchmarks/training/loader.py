"""Speed of sampling and augmentation, and their share of a step of `smoke` (docs/training.md).

python -m benchmarks.training.loader FACESET FACESET
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}

import keras
import numpy as np
import tensorflow as tf

from faceloom.faceset import FaceSet
from faceloom_train.config import read_config
from faceloom_train.data import load_faces, make_dataset, pack_batches
from faceloom_train.keras_compat import LazyCallbackList
from faceloom_train.model import SwapModel, build_compiled_model

PRESET = Path(__file__).parents[2] / "configs" / "smoke.yaml"
# Goals in faces per second and core, by the side of the network's crop in pixels.
GOALS = {64: 1300, 128: 1000, 256: 500}
# Batches per measurement of sampling and augmentation.
BATCHES = 60
# Rounds over all kinds of steps, and steps of each in a round.
ROUNDS = 12
STEPS = 8
# The first steps of a `fit` wait for its first batches.
SKIPPED_STEPS = 2
# A probability of 0 would leave the arrays out of a batch.
NO_DEGRADATION = "augmentation.degradation_probability=1e-9"


def main(*paths: str) -> None:
    sets = [FaceSet.read(Path(path)) for path in paths]
    print(
        "| side | sampling, faces/s per core | with augmentation, faces/s per core | goal |",
        "|---" * 4 + "|",
        sep="\n",
    )
    for size, goal in GOALS.items():
        sampling, augmentation = measure_rates(sets, size)
        print(f"| {size} px | {sampling:,.0f} | {augmentation:,.0f} | {goal:,} |")
    print(
        "\n| a step of `smoke` | ms | processor ms | relative speed |", "|---" * 4 + "|", sep="\n"
    )
    times = measure_steps(sets)
    bare = next(iter(times.values()))
    for name, seconds in times.items():
        wall, processor = 1000 * seconds
        relative = f"{bare[0] / seconds[0]:.3f}, {bare[1] / seconds[1]:.3f}"
        print(f"| {name} | {wall:.1f} | {processor:.1f} | {relative} |")


def measure_rates(sets: Sequence[FaceSet], size: int) -> tuple[float, float]:
    """Faces per second of processor time: sampled, and sampled and augmented."""
    config = read_config(PRESET, [f"network.size={size}"])
    faces = [load_faces(faceset, config) for faceset in sets]
    model = build_compiled_model(config, [faceset.identity for faceset in sets])
    augment = tf.function(model.augment_batch, autograph=False)
    batches = make_dataset(faces, config, 0, 3 * BATCHES)
    augment(next(iter(batches)))
    sampled = iter(batches)
    count = BATCHES * config.batch_size * len(sets)
    return (
        count / processor_seconds(lambda: next(sampled)),
        count / processor_seconds(lambda: augment(next(sampled))),
    )


def processor_seconds(work: Callable[[], object]) -> float:
    """Processor time of BATCHES calls."""
    work()
    start = time.process_time()
    for _ in range(BATCHES):
        work()
    return time.process_time() - start


def measure_steps(sets: Sequence[FaceSet]) -> dict[str, np.ndarray]:
    """Median seconds and processor seconds of a step, by the source of its batch.

    The sources take turns, so that other work on the machine slows all of them alike.
    """
    identities = [faceset.identity for faceset in sets]
    config = read_config(PRESET, [NO_DEGRADATION])
    faces = [load_faces(faceset, config) for faceset in sets]
    model = build_compiled_model(config, identities)

    def repeated(*changes: str) -> Callable[[int], tuple[SwapModel, tf.data.Dataset]]:
        changed = read_config(PRESET, changes)
        own_model = build_compiled_model(changed, identities)
        packed = pack_batches(make_dataset(faces, changed, 0, 1), own_model.batch_layout)
        same = tf.data.Dataset.from_tensors(next(iter(packed))).repeat(STEPS)
        return lambda _: (own_model, same)

    def pipeline(start: int) -> tuple[SwapModel, tf.data.Dataset]:
        batches = make_dataset(faces, config, start, start + STEPS)
        return model, pack_batches(batches, model.batch_layout)

    sources = {
        "one batch repeated": repeated(NO_DEGRADATION),
        "with the data pipeline": pipeline,
        "one batch, no occluders": repeated(NO_DEGRADATION, "augmentation.occlusion_probability=0"),
        "one batch, all degraded": repeated("augmentation.degradation_probability=1"),
    }
    times: dict[str, list[np.ndarray]] = {name: [] for name in sources}
    for index in range(ROUNDS + 1):
        for name, source in sources.items():
            measured = list(step_seconds(*source(index * STEPS)))
            # The first round compiles.
            times[name] += measured if index else []
    return {name: np.median(seconds, axis=0) for name, seconds in times.items()}


def step_seconds(model: SwapModel, batches: tf.data.Dataset) -> Iterator[np.ndarray]:
    """Yield the seconds and processor seconds of each step of a `fit`."""
    ends: list[tuple[float, float]] = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: ends.append(
            (time.perf_counter(), time.process_time())
        )
    )
    model.fit(
        batches,
        epochs=1,
        verbose=0,
        shuffle=False,
        callbacks=LazyCallbackList([clock], add_history=True, model=model),
    )
    yield from np.diff(ends, axis=0)[SKIPPED_STEPS:]


if __name__ == "__main__":
    main(*sys.argv[1:])
