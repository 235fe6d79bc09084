"""Nothing is written but the outputs and what docs/security.md lists, and nothing phones home."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.helpers.bundles import make_bundle

from faceloom.provenance.credentials import is_installed

pytestmark = pytest.mark.process

# Variables that a command gets from the tests' own environment.
_KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_only_the_documented_places_are_written(tmp_path: Path, sample: Path) -> None:
    folders = {name: tmp_path / name for name in ("home", "data", "cache", "config", "tmp", "work")}
    for folder in folders.values():
        folder.mkdir()
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    bundle = make_bundle(inputs / "ben.bundle")
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
        "HOME": str(folders["home"]),
        "XDG_DATA_HOME": str(folders["data"]),
        "XDG_CACHE_HOME": str(folders["cache"]),
        "XDG_CONFIG_HOME": str(folders["config"]),
        "TMPDIR": str(folders["tmp"]),
    }
    clips = (sample / "target_ada.mp4", sample / "target_ben.mp4")
    for arguments in (
        # Two files, so that worker processes are started.
        ("extract", *clips, "--out", "ada", "--every", "40", "--workers", "2"),
        ("convert", clips[0], "--bundle", bundle, "--out", "out.mp4", "--range", "0:8"),
        ("doctor",),
    ):
        command = [sys.executable, "-m", "faceloom", *map(str, arguments)]
        done = subprocess.run(
            command,
            cwd=folders["work"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    key = {"faceloom/signing/key.pem", "faceloom/signing/certificate.pem"}
    written = {name: _files(folder) for name, folder in folders.items()}
    work = {name for name in written.pop("work") if not name.startswith("ada/")}
    assert work == {"out.mp4"}
    assert written.pop("data") == (key if is_installed() else set())
    # The doctor imports Keras, where it is installed.
    written["home"].discard(".keras/keras.json")
    assert written == {"home": set(), "cache": set(), "config": set(), "tmp": set()}
    assert _files(inputs) == {f"ben.bundle/{path.name}" for path in bundle.iterdir()}


@pytest.mark.parametrize("package", ["faceloom", "faceloom_train", "faceloom_export", "benchmarks"])
def test_telemetry_is_off_before_onnxruntime_is_imported(package: str) -> None:
    code = (
        f"import {package}, os, sys; "
        "print(os.environ['ORT_DISABLE_TELEMETRY'], 'onnxruntime' in sys.modules)"
    )
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "False"]
