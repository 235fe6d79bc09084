"""How fast faces come to the network, and what they cost a step of `smoke`: the table of docs/training.md.

python benchmarks/loader.py FACESET FACESET
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
from faceloom_train.data.batch_packing import Layout, packed
from faceloom_train.data.dataset import load_faces, make_dataset
from faceloom_train.loop.callbacks import LazyCallbackList
from faceloom_train.loop.trainer import build_compiled_model

Batches = tuple[tf.data.Dataset, Layout]

PRESET = Path(__file__).parents[1] / "configs" / "smoke.yaml"
# Faces a second and core that the project wants, by the side of the network's crop.
WANTED = {64: 1300, 128: 1000, 256: 500}
BATCHES, ROUNDS, STEPS = 60, 12, 8
# The first steps of a `fit` wait for its first batches.
LEFT_OUT = 2
NOT_POOR = "augmentation.degradation_probability=1e-9"


def main(*paths: str) -> None:
    sets = [FaceSet.read(Path(path)) for path in paths]
    print(
        "| side | drawn, faces/s a core | drawn and augmented, faces/s a core | wanted |\n|---|---|---|---|"
    )
    for size, wanted in WANTED.items():
        drawn, augmented = rates(sets, size)
        print(f"| {size} px | {drawn:,.0f} | {augmented:,.0f} | {wanted:,} |")
    print(
        "\n| a step of `smoke` | ms | processor ms | share of the bare step's speed |\n|---|---|---|---|"
    )
    times = step_times(sets)
    bare = next(iter(times.values()))
    for name, seconds in times.items():
        wall, processor = 1000 * seconds
        print(
            f"| {name} | {wall:.1f} | {processor:.1f} | {bare[0] / seconds[0]:.3f}, {bare[1] / seconds[1]:.3f} |"
        )


def rates(sets: Sequence[FaceSet], size: int) -> tuple[float, float]:
    """Faces for each second that any core worked: as drawn, and up to the network's input."""
    config = read_config(PRESET, [f"network.size={size}"])
    faces = [load_faces(faceset, config) for faceset in sets]
    model = build_compiled_model(config, [faceset.identity for faceset in sets])
    augment = tf.function(model.augmented, autograph=False)
    batches = make_dataset(faces, config, 0, 3 * BATCHES)
    augment(next(iter(batches)))
    drawn = iter(batches)
    count = BATCHES * config.batch_size * len(sets)
    return tuple(
        count / processor_seconds(lambda work=work: work(next(drawn)))
        for work in (lambda batch: batch, augment)
    )  # fmt: skip


def processor_seconds(work: Callable[[], object]) -> float:
    work()
    began = time.process_time()
    for _ in range(BATCHES):
        work()
    return time.process_time() - began


def step_times(sets: Sequence[FaceSet]) -> dict[str, np.ndarray]:
    """Seconds of a step, and of the processor, by where its batch comes from, the bare one first.

    In turn, because other work on the machine then slows all alike; processor time is less moved by it.
    """
    usual, config = read_config(PRESET), read_config(PRESET, [NOT_POOR])
    faces = [load_faces(faceset, usual) for faceset in sets]
    model = build_compiled_model(usual, [faceset.identity for faceset in sets])

    def again(*changes: str) -> Callable[[int], Batches]:
        batches, layout = packed(make_dataset(faces, read_config(PRESET, changes), 0, 1))
        same = tf.data.Dataset.from_tensors(next(iter(batches))).repeat(STEPS)
        return lambda _: (same, layout)

    sources = {
        "bare: one batch again and again": again(NOT_POOR),
        "with the data path": lambda start: packed(
            make_dataset(faces, config, start, start + STEPS)
        ),
        "bare, no occluders": again(NOT_POOR, "augmentation.occlusion_probability=0"),
        "bare, every step's footage poor": again("augmentation.degradation_probability=1"),
    }
    found: dict[str, list[np.ndarray]] = {name: [] for name in sources}
    for number in range(ROUNDS + 1):
        for name, source in sources.items():
            times = list(timed(model, source(number * STEPS)))
            # The first round compiles.
            found[name] += times if number else []
    return {name: np.median(times, axis=0) for name, times in found.items()}


def timed(model: keras.Model, batches: Batches) -> Iterator[np.ndarray]:
    feed, model.layout = batches
    ends: list[tuple[float, float]] = []
    noting = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: ends.append(
            (time.perf_counter(), time.process_time())
        )
    )
    model.fit(
        feed,
        epochs=1,
        verbose=0,
        shuffle=False,
        callbacks=LazyCallbackList([noting], add_history=True, model=model),
    )
    yield from np.diff(ends, axis=0)[LEFT_OUT:]


if __name__ == "__main__":
    main(*sys.argv[1:])
