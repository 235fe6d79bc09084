"""Which preset and how many steps fit a machine and a time."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from faceloom.doctor import machine
from faceloom.errors import UsageError
from faceloom.project.estimates import estimate_seconds
from faceloom.project.machine_speed import MachineSpeed, measure_speed
from faceloom.project.presets import (
    check_preset,
    choose_training,
    least_steps,
    preset_named,
    training_seconds,
)
from faceloom.project.training_pace import adapted_steps

LAPTOP = MachineSpeed(2, 100, amx=False, avx512=True, memory_gb=8, gpu="", trains_on_gpu=False)
OLD = MachineSpeed(2, 20, amx=False, avx512=False, memory_gb=8, gpu="", trains_on_gpu=False)
SERVER = MachineSpeed(16, 100, amx=True, avx512=True, memory_gb=8, gpu="", trains_on_gpu=False)
GPU = MachineSpeed(16, 100, amx=True, avx512=True, memory_gb=8, gpu="H", trains_on_gpu=True)
UNUSED = MachineSpeed(2, 100, amx=False, avx512=True, memory_gb=8, gpu="H", trains_on_gpu=False)


@pytest.mark.parametrize(
    ("machine", "seconds", "preset", "steps"),
    [
        (LAPTOP, None, "laptop_128", (1000, 1000)),
        (LAPTOP, 240, "laptop_128", (1100, 1300)),
        (LAPTOP, 900, "laptop_128", (4500, 5500)),
        (LAPTOP, 36000, "laptop_128", (6000, 6000)),
        (LAPTOP, 100, "laptop_128", (300, 500)),
        (LAPTOP, 50, "smoke", (150, 300)),
        (OLD, None, "laptop_128", (1000, 1000)),
        (OLD, 420, "laptop_128", (250, 500)),
        (OLD, 200, "smoke", (100, 300)),
        (SERVER, None, "laptop_128", (1000, 1000)),
        (GPU, None, "base_256", (4000, 4000)),
        # A GPU that the installed trainer does not find counts for nothing.
        (UNUSED, None, "laptop_128", (1000, 1000)),
    ],
)
def test_the_choice_fits_machine_and_time(
    machine: MachineSpeed, seconds: float | None, preset: str, steps: tuple[int, int]
) -> None:
    chosen = choose_training(machine, seconds)
    assert chosen.preset == preset
    assert steps[0] <= chosen.steps <= steps[1]
    if seconds is not None:
        assert chosen.seconds <= seconds


@pytest.mark.parametrize("name", ["smoke", "laptop_96", "laptop_128", "base_128"])
def test_the_figures_are_those_of_the_document(name: str) -> None:
    document = (Path(__file__).parents[3] / "docs" / "training.md").read_text()
    (row,) = re.findall(rf"^\| `{name}` \| \d+ \| df \|.*$", document, re.MULTILINE)
    *_, float32, bfloat16, memory, _ = (cell.strip() for cell in row.split("|"))
    preset = preset_named(name)
    assert preset is not None
    assert float32 in ("", f"{preset.float32_seconds:.2f}")
    assert (bfloat16, memory) == (f"{preset.bfloat16_seconds:.2f}", f"{preset.memory_gb} GB")


def test_a_machine_is_estimated_by_the_cores_that_it_may_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    (found,) = [result for result in machine.check() if result.check == "machine"]
    assert found.detail.startswith("1 cores")


@pytest.mark.parametrize(("cores", "gflops", "factor"), [(2, 100, 1), (1, 100, 2), (2, 50, 2)])
def test_a_slower_machine_takes_longer(cores: int, gflops: float, factor: float) -> None:
    footage = {"guest_frames": 60, "target_frames": 30, "frames": 90, "megapixels": 0.5}
    known = estimate_seconds(LAPTOP, **footage)
    slow = estimate_seconds(replace(LAPTOP, cores=cores, core_gflops=gflops), **footage)
    assert slow.total == pytest.approx(factor * known.total)
    assert slow.extract_guest > slow.extract_target


def test_an_earlier_training_is_continued() -> None:
    more = choose_training(LAPTOP, 240, preset="smoke", trained=1000)
    assert more.preset == "smoke"
    assert more.steps > 1500
    assert choose_training(LAPTOP, None, preset="smoke", trained=1300).steps == 1300


def test_an_unknown_preset_needs_steps(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--steps N"):
        choose_training(LAPTOP, None, preset="original_64")
    path = tmp_path / "mine.yaml"
    path.touch()
    with pytest.raises(UsageError, match="--steps N"):
        check_preset(str(path), None)
    assert choose_training(LAPTOP, None, preset=str(path), steps=50).steps == 50


@pytest.mark.parametrize(
    ("name", "words"), [("foo", "There is no preset foo; "), ("a.yaml", "no such file")]
)
@pytest.mark.parametrize("steps", [None, 50])
def test_a_preset_that_is_not_there(name: str, words: str, steps: int | None) -> None:
    with pytest.raises(UsageError, match=words):
        check_preset(name, steps)


def test_every_preset_of_the_trainer_is_known() -> None:
    for path in (Path(__file__).parents[3] / "configs").glob("*.yaml"):
        check_preset(path.stem, 50)
    assert choose_training(LAPTOP, 900, preset="laptop_96").steps > 4000


@pytest.mark.parametrize(
    ("name", "steps", "least"),
    [
        ("smoke", 1000, 300),
        ("laptop_128", 1000, 150),
        ("base_256", 4000, 1200),
        ("mine.yaml", 900, 300),
        ("smoke", 20, 20),
    ],
)
def test_a_recognizable_face_takes_steps(name: str, steps: int, least: int) -> None:
    assert least_steps(name, steps) == least


def test_a_faster_machine_takes_less_time() -> None:
    preset = preset_named("laptop_128")
    assert preset is not None
    times = [training_seconds(preset, 1000, machine) for machine in (OLD, LAPTOP, SERVER)]
    assert times == sorted(times, reverse=True)


def test_the_probe_measures_this_machine() -> None:
    speed = measure_speed()
    assert 1 < speed.core_gflops < 2000
    assert speed.cores >= 1


@pytest.mark.parametrize(
    ("planned", "done", "measured", "left", "steps"),
    [
        # As planned, nearly as planned, nothing measured yet, no time left to gain.
        (1000, 100, (50, 20.0), 420.0, None),
        (1000, 100, (50, 25.0), 420.0, None),
        (1000, 100, (30, 60.0), 420.0, None),
        (1000, 100, (50, 10.0), 420.0, None),
        (1000, 900, (50, 100.0), 60.0, None),
        # A third of the planned pace, twice the planned pace, more than makes sense.
        (1000, 100, (50, 60.0), 420.0, 399),
        (1000, 100, (100, 20.0), 420.0, 1894),
        (1000, 100, (100, 16.0), 9000.0, 6000),
    ],
)
def test_steps_are_adapted_to_the_pace(
    planned: int, done: int, measured: tuple[int, float], left: float, steps: int | None
) -> None:
    assert adapted_steps(planned, done, measured, left, 6000) == steps
