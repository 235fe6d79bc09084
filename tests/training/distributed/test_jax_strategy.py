"""Training on JAX. One process runs all checks of a group, because JAX takes long to start."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from keras import ops
from tests.helpers import jax_checks

from faceloom_train.model.model_builder import build_compiled_model
from faceloom_train.runs.checkpoint import latest_checkpoint, restore_checkpoint
from faceloom_train.runs.run_directory import Run

pytestmark = [pytest.mark.training, pytest.mark.process]

ROOT = Path(__file__).parents[3]


# The folder of a group's runs, and the traceback of each check; None if it passed.
Results = tuple[Path, dict[str, str | None]]


@pytest.fixture(scope="module")
def jax_results(
    tmp_path_factory: pytest.TempPathFactory, facesets: dict[str, Path]
) -> Callable[[str], Results]:
    """A function that returns the results of a group and runs its process once."""
    # XLA's optimization would take longer than it saves for so small a network.
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
    }
    faces = [f"{name}={path}" for name, path in facesets.items()]

    @cache
    def run(group: str) -> Results:
        folder = tmp_path_factory.mktemp("jax")
        done = subprocess.run(
            [sys.executable, "-m", "tests.helpers.jax_checks", str(folder), group, *faces],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return folder, json.loads(done.stdout)

    return run


@pytest.mark.parametrize(
    ("group", "check"),
    [
        pytest.param(
            group, check.__name__, marks=[pytest.mark.exhaustive] if group == "runs" else []
        )
        for group, checks in jax_checks.GROUPS.items()
        for check in checks
    ],
)
def test_on_jax(jax_results: Callable[[str], Results], group: str, check: str) -> None:
    traceback = jax_results(group)[1][check]
    assert traceback is None, traceback


def test_tensorflow_predicts_the_same_with_weights_saved_on_jax(
    jax_results: Callable[[str], Results],
) -> None:
    """The exporter runs on TensorFlow."""
    folder, _ = jax_results("networks")
    run = Run.read(folder / "tiny")
    model = build_compiled_model(run.settings, run.identities)
    restore_checkpoint(model, latest_checkpoint(run)[0])
    expected = np.load(folder / "prediction.npz")
    prediction = ops.convert_to_numpy(model.networks.predict(expected["face"], 1))
    np.testing.assert_allclose(prediction, expected["prediction"], atol=1e-5)
