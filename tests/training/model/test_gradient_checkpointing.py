"""Computing again on the way back what was not kept changes nothing that is learned."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tests.helpers.runs import checkpoint_arrays, rows, tiny_config, tiny_run

from faceloom.faces.landmarks import EXPRESSION_LANDMARKS
from faceloom_train.data.batch_packing import packed
from faceloom_train.data.dataset import TrainingFaces, make_dataset
from faceloom_train.loop.memory_budget import estimate_memory
from faceloom_train.loop.trainer import build_compiled_model, train


def test_what_is_computed_again_learns_the_same(tmp_path: Path, facesets: dict[str, Path]) -> None:
    kept = tiny_run(tmp_path / "kept", facesets, batch_size=4, micro_batch_size=2)
    again = tiny_run(
        tmp_path / "again", facesets, batch_size=4, micro_batch_size=2, gradient_checkpointing=True
    )
    train(kept)
    train(again)
    for a, b in zip(rows(kept), rows(again), strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-4)
    one, other = checkpoint_arrays(kept), checkpoint_arrays(again)
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert np.abs(other[name] - value).mean() <= 5e-3 * np.abs(value).mean() + 1e-7, name


def convolutions(**changes: object) -> int:
    """How many are in a step's graph, those on the way back not counted."""
    config = tiny_config(**changes)
    model = build_compiled_model(config, ["ada", "ben"])
    crops, landmarks = (
        np.zeros((2, 40, 40, 4), np.uint8),
        np.zeros((2, len(EXPRESSION_LANDMARKS), 2), np.float32),
    )
    faces = [
        TrainingFaces(
            name, crops, landmarks, np.zeros((2, 468, 2), np.float32), np.ones(2, np.float32)
        )
        for name in ("ada", "ben")
    ]
    batches, model.layout = packed(make_dataset(faces, config, 0, 1))
    step = tf.function(model.train_step).get_concrete_function(batches.element_spec)
    return sum(operation.type == "Conv2D" for operation in step.graph.get_operations())


def test_each_network_is_computed_twice() -> None:
    assert convolutions(gradient_checkpointing=True) == 2 * convolutions()


def test_the_estimate_tells_what_it_saves() -> None:
    kept, again = (
        estimate_memory(
            build_compiled_model(tiny_config(batch_size=64, gradient_checkpointing=asked), ["ada", "ben"]), 64
        )
        for asked in (False, True)
    )
    assert again.activations < kept.activations
    assert (again.weights, again.optimizer) == (kept.weights, kept.optimizer)
