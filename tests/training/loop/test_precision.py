"""`precision: auto` is decided once, by the hardware, and stays with the run."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from tests.helpers.runs import tiny_config

from faceloom import cpu_features as processor
from faceloom.errors import UsageError
from faceloom_train.loop import precision
from faceloom_train.loop.trainer import open_run
from faceloom_train.runs.run_directory import Run

WITH, WITHOUT = "flags : fpu amx_bf16 amx_tile", "flags : fpu avx512_bf16"
# Compute capabilities of the GPUs, /proc/cpuinfo, and what suits them.
MACHINES = {
    "a CPU with AMX": ([], WITH, "mixed_bfloat16"),
    "a CPU without": ([], WITHOUT, "float32"),
    "no /proc": ([], None, "float32"),
    "an A100": ([(8, 0)], WITHOUT, "mixed_bfloat16"),
    "an H100": ([(9, 0)], WITHOUT, "mixed_bfloat16"),
    "a V100 in a machine with AMX": ([(7, 0)], WITH, "float32"),
    "an old one beside a new one": ([(8, 6), (7, 5)], WITH, "float32"),
    "a GPU that does not tell": ([None], WITH, "float32"),
}


def machine(monkeypatch: pytest.MonkeyPatch, folder: Path, gpus: list, cpu: str | None) -> None:
    path = folder / "cpuinfo"
    if cpu is not None:
        path.write_text(cpu)
    monkeypatch.setattr(processor, "_CPUINFO", path)
    details = {
        number: {} if gpu is None else {"compute_capability": gpu}
        for number, gpu in enumerate(gpus)
    }
    config = SimpleNamespace(
        list_physical_devices=lambda kind: list(details) if kind == "GPU" else [],
        experimental=SimpleNamespace(get_device_details=details.get),
    )
    monkeypatch.setattr(precision, "tf", SimpleNamespace(config=config))


@pytest.mark.parametrize("name", MACHINES)
def test_what_suits_a_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    gpus, cpu, wanted = MACHINES[name]
    machine(monkeypatch, tmp_path, gpus, cpu)
    assert precision.best_precision() == wanted


def test_a_run_keeps_what_was_decided_on_another_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, facesets: dict[str, Path]
) -> None:
    auto = tiny_config(precision="auto")
    machine(monkeypatch, tmp_path, [], WITH)
    run = open_run(tmp_path / "run", facesets, lambda current: auto)
    assert (
        yaml.safe_load((run.directory / "config.yaml").read_text())["settings"]["precision"]
        == "mixed_bfloat16"
    )
    machine(monkeypatch, tmp_path, [], WITHOUT)
    # The same command, and one without a preset.
    for settings in (lambda current: auto, lambda current: None, lambda current: current):
        assert open_run(run.directory, {}, settings).settings.precision == "mixed_bfloat16"
    assert Run.read(run.directory).settings == run.settings
    with pytest.raises(UsageError, match="precision was 'mixed_bfloat16'"):
        open_run(run.directory, {}, lambda current: tiny_config(precision="float32"))
    assert (
        open_run(tmp_path / "other", facesets, lambda current: auto).settings.precision == "float32"
    )
