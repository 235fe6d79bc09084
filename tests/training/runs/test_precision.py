"""`precision: auto` is resolved once, by the hardware, and stays with the run."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from tests.helpers.runs import tiny_config

from faceloom import hardware
from faceloom.errors import UsageError
from faceloom_train.runs import precision
from faceloom_train.runs.open_run import open_run
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training

AMX = "flags : fpu amx_bf16 amx_tile"
NO_AMX = "flags : fpu avx512_bf16"
# Compute capabilities of the GPUs, /proc/cpuinfo, and the expected precision.
MACHINES = {
    "a CPU with AMX": ([], AMX, "mixed_bfloat16"),
    "a CPU without AMX": ([], NO_AMX, "float32"),
    "no /proc": ([], None, "float32"),
    "an A100": ([(8, 0)], NO_AMX, "mixed_bfloat16"),
    "an H100": ([(9, 0)], NO_AMX, "mixed_bfloat16"),
    "a V100 and a CPU with AMX": ([(7, 0)], AMX, "float32"),
    "a new and an old GPU": ([(8, 6), (7, 5)], AMX, "float32"),
    "a GPU of unknown capability": ([None], AMX, "float32"),
}


def fake_machine(
    monkeypatch: pytest.MonkeyPatch, folder: Path, gpus: list, cpuinfo: str | None
) -> None:
    """Make TensorFlow and /proc/cpuinfo describe another machine."""
    path = folder / "cpuinfo"
    if cpuinfo is not None:
        path.write_text(cpuinfo)
    monkeypatch.setattr(hardware, "_CPUINFO", path)
    details = {
        index: {} if capability is None else {"compute_capability": capability}
        for index, capability in enumerate(gpus)
    }
    config = SimpleNamespace(
        list_physical_devices=lambda kind: list(details) if kind == "GPU" else [],
        experimental=SimpleNamespace(get_device_details=details.get),
    )
    monkeypatch.setattr(precision, "tf", SimpleNamespace(config=config))


@pytest.mark.parametrize("name", MACHINES)
def test_the_best_precision_of_a_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    gpus, cpuinfo, expected = MACHINES[name]
    fake_machine(monkeypatch, tmp_path, gpus, cpuinfo)
    assert precision.best_precision() == expected


def test_a_run_keeps_its_precision_on_another_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, facesets: dict[str, Path]
) -> None:
    auto = tiny_config(precision="auto")
    fake_machine(monkeypatch, tmp_path, [], AMX)
    run = open_run(tmp_path / "run", facesets, lambda current: auto)
    stored = yaml.safe_load((run.directory / "config.yaml").read_text())
    assert stored["settings"]["precision"] == "mixed_bfloat16"
    fake_machine(monkeypatch, tmp_path, [], NO_AMX)
    # The same command, one without a preset, and one without changes.
    for settings in (lambda current: auto, lambda current: None, lambda current: current):
        assert open_run(run.directory, {}, settings).settings.precision == "mixed_bfloat16"
    assert Run.read(run.directory).settings == run.settings
    with pytest.raises(UsageError, match="precision is 'mixed_bfloat16'"):
        open_run(run.directory, {}, lambda current: tiny_config(precision="float32"))
    other = open_run(tmp_path / "other", facesets, lambda current: auto)
    assert other.settings.precision == "float32"
