"""Gradient checkpointing changes memory and time, not what is learned."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tests.helpers.runs import (
    checkpoint_arrays,
    metrics_rows,
    simple_config,
    tiny_config,
    tiny_run,
)

from faceloom.faces.landmarks import EXPRESSION_LANDMARKS
from faceloom_train.data.batch_packing import pack_batches
from faceloom_train.data.dataset import TrainingFaces, make_dataset
from faceloom_train.loop.memory_budget import estimate_memory
from faceloom_train.loop.trainer import train
from faceloom_train.model.model_builder import build_compiled_model

pytestmark = pytest.mark.training


@pytest.mark.exhaustive
def test_gradient_checkpointing_learns_the_same(tmp_path: Path, facesets: dict[str, Path]) -> None:
    # A moment that is nearly 0 differs by rounding; of these faces, with this mask, none is.
    sizes = {"batch_size": 4, "micro_batch_size": 2, "face_mask": "mesh"}
    stored = tiny_run(tmp_path / "stored", facesets, **sizes)
    recomputed = tiny_run(tmp_path / "recomputed", facesets, **sizes, gradient_checkpointing=True)
    train(stored)
    train(recomputed)
    for a, b in zip(metrics_rows(stored), metrics_rows(recomputed), strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-4)
    expected, arrays = checkpoint_arrays(stored), checkpoint_arrays(recomputed)
    assert expected.keys() == arrays.keys()
    for name, value in expected.items():
        assert np.abs(arrays[name] - value).mean() <= 5e-3 * np.abs(value).mean() + 1e-7, name


def count_convolutions(**changes: object) -> int:
    """Count the forward convolutions in the graph of a step."""
    config = simple_config(**changes)
    model = build_compiled_model(config, ["ada", "ben"])
    faces = [
        TrainingFaces(
            name,
            np.zeros((2, 40, 40, 4), np.uint8),
            np.zeros((2, len(EXPRESSION_LANDMARKS), 2), np.float32),
            np.zeros((2, 468, 2), np.float32),
            np.ones(2, np.float32),
        )
        for name in ("ada", "ben")
    ]
    batches = pack_batches(make_dataset(faces, config, 0, 1), model.batch_layout)
    step = tf.function(model.train_step).get_concrete_function(batches.element_spec)
    return sum(operation.type == "Conv2D" for operation in step.graph.get_operations())


def test_each_network_is_computed_twice() -> None:
    assert count_convolutions(gradient_checkpointing=True) == 2 * count_convolutions()


def test_the_memory_estimate_includes_gradient_checkpointing() -> None:
    stored, recomputed = (
        estimate_memory(
            build_compiled_model(
                tiny_config(batch_size=64, gradient_checkpointing=enabled), ["ada", "ben"]
            ),
            64,
        )
        for enabled in (False, True)
    )
    assert recomputed.activations < stored.activations
    assert (recomputed.weights, recomputed.optimizer) == (stored.weights, stored.optimizer)
