"""The same training code on JAX. One process makes all the checks: starting and compiling is most of their time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from keras import ops
from tests.helpers import jax_checks

from faceloom_train.loop.trainer import compiled_model
from faceloom_train.runs.checkpoint import latest_checkpoint, restore_checkpoint
from faceloom_train.runs.run_directory import Run


@pytest.fixture(scope="module")
def on_jax(
    tmp_path_factory: pytest.TempPathFactory, facesets: dict[str, Path]
) -> tuple[Path, dict[str, str | None]]:
    """The folder of the runs, and what each check said."""
    folder = tmp_path_factory.mktemp("jax")
    # What is computed is so little that making it fast would take longer.
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
    }
    faces = [f"{name}={path}" for name, path in facesets.items()]
    done = subprocess.run(
        [sys.executable, jax_checks.__file__, str(folder), *faces],
        env=environment, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


@pytest.mark.parametrize("check", [check.__name__ for check in jax_checks.CHECKS])
def test_on_jax(on_jax: tuple[Path, dict[str, str | None]], check: str) -> None:
    said = on_jax[1][check]
    assert said is None, said


def test_weights_move_to_tensorflow(on_jax: tuple[Path, dict[str, str | None]]) -> None:
    """As the exporter moves them: it runs on TensorFlow."""
    run = Run.read(on_jax[0] / "whole")
    model = compiled_model(run.settings, run.identities)
    restore_checkpoint(model, latest_checkpoint(run)[0])
    expected = np.load(on_jax[0] / "drawn.npz")
    drawn = ops.convert_to_numpy(model.networks.decode(expected["seen"], 1))
    np.testing.assert_allclose(drawn, expected["drawn"], atol=1e-5)
