"""Which preset and how many steps fit a machine and a time, by estimates from measured facts.

The steps' times were measured on the machines of docs/training.md. Elsewhere they are scaled by
the machine's speed; the training itself ends at its deadline, whatever the estimate.
"""

from dataclasses import dataclass
from pathlib import Path

from faceloom.errors import UsageError
from faceloom.project.machine_speed import REFERENCE_CORE_GFLOPS, MachineSpeed, measure_speed

# Share of a process's time that two cores or more really compute in parallel: assumed; on two idle
# cores the wall time is about half of the processor time (docs/training.md).
_PARALLEL = 0.9
# Seconds of a training besides its steps on the reference core: start, building, compiling, the
# evaluation at the end. Assumed; 1 and 2.5 minutes of laptop_128 leave 15 and 29 s on two cores.
_START_SECONDS = 45.0
# Seconds of the same that do not depend on the machine's speed: assumed.
_FIXED_SECONDS = 8.0
# More steps than these multiples of a preset's own are not planned: they hardly help.
_MOST_MULTIPLE = 6
# Longest training that is chosen without --minutes, in seconds.
_LONGEST_DEFAULT = 15 * 60
# Time of a step on a GPU, relative to one H200: assumed, as users have slower ones.
_GPU_FACTOR = 3.0


@dataclass(frozen=True, slots=True)
class Preset:
    """What is known of a preset."""

    name: str
    """Its name."""
    size: int
    """Side of its crops in pixels."""
    steps: int
    """Steps that its swap needs."""
    least_steps: int
    """Steps that give a recognizable face; no swap is planned with fewer. With a base, those after
    which it was measured (docs/training.md); else 30 % of `steps`, assumed: 36 % of those of
    laptop_128 from random weights gave a score of 30."""
    float32_seconds: float
    """Processor time of a step on the reference core, in float32."""
    bfloat16_seconds: float
    """The same in bfloat16 with AMX."""
    gpu_seconds: float
    """Time of a step of a run on an H200."""
    memory_gb: float
    """Memory that the training needs."""


# The presets that are chosen, from the cheapest to the best. Times and memory are those of
# docs/training.md, measured on an Intel Xeon with AMX, whose cores are assumed to have the speed
# of the reference. Assumed as well: laptop_128 in float32 (1.33 of bfloat16, as laptop_96),
# base_256 on a CPU (eight times the time of 2 faces), smoke on a GPU (as laptop_128). The time on
# the GPU is that of the bare step divided by the fraction of its speed that a run reaches;
# base_128: with 32 faces.
PRESETS = (
    Preset("smoke", 96, 1000, 300, 0.17, 0.13, 0.012, 1.1),
    Preset("laptop_128", 128, 1000, 150, 0.33, 0.25, 0.012, 1.2),
    Preset("base_128", 128, 2000, 600, 1.43, 0.72, 0.017, 1.8),
    Preset("base_256", 256, 4000, 1200, 14.4, 7.2, 0.0195, 4.4),
)
# Presets that are only trained when they are asked for. Times and memory as above; assumed: steps,
# hires_384 on a CPU (16 times the time of one face, and twice in float32), laptop_96 on a GPU,
# laptop_256 in bfloat16 (2.3 times laptop_128, as in float32) and on a GPU (as base_256).
_OTHER_PRESETS = (
    Preset("laptop_96", 96, 1000, 300, 0.20, 0.15, 0.012, 1.1),
    Preset("laptop_256", 256, 1000, 150, 0.76, 0.58, 0.0195, 1.6),
    Preset("hires_384", 384, 4000, 1200, 32.0, 16.0, 0.026, 7.1),
)
# All presets whose times are known.
ALL_PRESETS = (*PRESETS, *_OTHER_PRESETS)
# Presets of the trainer without measured times.
_UNMEASURED = ("original_64",)
_CPU_DEFAULT = "laptop_128"
_GPU_DEFAULT = "base_256"


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    """A preset with a number of steps."""

    preset: str
    """The preset."""
    steps: int
    """Steps."""
    seconds: float
    """Estimated time of the whole training."""


def preset_named(name: str) -> Preset | None:
    """Return what is known of a preset; None for one whose times were not measured.

    Args:
        name: Its name.
    """
    return next((preset for preset in ALL_PRESETS if preset.name == name), None)


def check_preset(name: str, steps: int | None) -> None:
    """Check that there is a preset and that its time is known or not needed.

    Args:
        name: Its name, or the path of a YAML file.
        steps: Steps that the user chose; None: as many as fit.

    Raises:
        UsageError: There is none, or its steps must be given.
    """
    if preset_named(name):
        return
    names = ", ".join(preset.name for preset in ALL_PRESETS)
    path = Path(name)
    is_file = path.suffix in (".yaml", ".yml") or path.is_file()
    if name not in _UNMEASURED and not is_file:
        raise UsageError(
            f"There is no preset {name}; choose one of {names}, {', '.join(_UNMEASURED)}, or give "
            "a YAML file."
        )
    if is_file and not path.is_file():
        raise UsageError(f"--preset {name}: there is no such file; check the path.")
    if steps is None:
        raise UsageError(
            f"--preset {name}: its time is not known; add --steps N, or choose one of {names}."
        )


def least_steps(name: str, steps: int) -> int:
    """Return the fewest steps of a training that give a recognizable face.

    Args:
        name: The preset.
        steps: Steps that are planned; never more than these are asked for.
    """
    preset = preset_named(name) or PRESETS[0]
    return min(steps, preset.least_steps)


def most_steps(name: str) -> int:
    """Return the most steps of a preset that make sense; for an unknown one, a hundred thousand.

    Args:
        name: Its name.
    """
    preset = preset_named(name)
    return _MOST_MULTIPLE * preset.steps if preset else 100_000


def step_seconds(preset: Preset, machine: MachineSpeed) -> float:
    """Estimate the time of a step.

    Args:
        preset: The preset.
        machine: The machine.

    Returns:
        Seconds.
    """
    if machine.trains_on_gpu:
        return preset.gpu_seconds * _GPU_FACTOR
    core_seconds = preset.bfloat16_seconds if machine.amx else preset.float32_seconds
    cores = 1 + (machine.cores - 1) * _PARALLEL
    return core_seconds * REFERENCE_CORE_GFLOPS / machine.core_gflops / cores


def start_seconds(machine: MachineSpeed) -> float:
    """Estimate the time of a training besides its steps.

    Args:
        machine: The machine.

    Returns:
        Seconds.
    """
    cores = 1 + (machine.cores - 1) * _PARALLEL
    return _FIXED_SECONDS + _START_SECONDS * REFERENCE_CORE_GFLOPS / machine.core_gflops / cores


def training_seconds(preset: Preset, steps: int, machine: MachineSpeed) -> float:
    """Estimate the time of a training.

    Args:
        preset: The preset.
        steps: Its steps.
        machine: The machine.

    Returns:
        Seconds.
    """
    return start_seconds(machine) + steps * step_seconds(preset, machine)


def choose_training(
    machine: MachineSpeed,
    seconds: float | None,
    *,
    preset: str | None = None,
    steps: int | None = None,
    trained: int = 0,
) -> TrainingEstimate:
    """Choose the best preset that fits, and as many steps as fit.

    Args:
        machine: The machine.
        seconds: Time for the training; None: what gives a good result here.
        preset: The preset that the user or an earlier training chose; None chooses one.
        steps: Steps that the user chose.
        trained: Steps that the run has already.

    Returns:
        The choice.

    Raises:
        UsageError: The time is too short for any preset, or nothing is known of the preset and no
            steps were given.
    """
    chosen = _known(preset, steps) if preset else _best(machine, seconds)
    total = steps or _fitting_steps(chosen, machine, seconds, trained)
    return TrainingEstimate(
        chosen.name, total, training_seconds(chosen, max(0, total - trained), machine)
    )


def preset_of_this_machine() -> str:
    """Return the preset that a swap without --preset and --minutes is trained with here.

    Measures the machine for about two seconds.
    """
    return choose_training(measure_speed(), None).preset


def _known(name: str, steps: int | None) -> Preset:
    known = preset_named(name)
    if known:
        return known
    check_preset(name, steps)
    assert steps is not None, "checked"
    # Its time is unknown: as slow as the slowest that a machine of this kind chooses.
    cpu, gpu = PRESETS[2], PRESETS[3]
    return Preset(
        name,
        128,
        steps,
        PRESETS[0].least_steps,
        cpu.float32_seconds,
        cpu.bfloat16_seconds,
        gpu.gpu_seconds,
        4.0,
    )


def _best(machine: MachineSpeed, seconds: float | None) -> Preset:
    """Return the preset with the most detail whose steps fit."""
    by_name = {preset.name: preset for preset in PRESETS}
    if machine.trains_on_gpu:
        return by_name[_GPU_DEFAULT]
    default = by_name[_CPU_DEFAULT]
    limit = _LONGEST_DEFAULT if seconds is None else seconds
    if training_seconds(default, default.least_steps, machine) <= limit:
        return default
    return PRESETS[0]


def _fitting_steps(
    preset: Preset, machine: MachineSpeed, seconds: float | None, trained: int
) -> int:
    if seconds is None:
        return max(preset.steps, trained)
    free = seconds - start_seconds(machine)
    fitting = trained + int(free / step_seconds(preset, machine))
    return max(1, min(fitting, max(_MOST_MULTIPLE * preset.steps, trained)))
