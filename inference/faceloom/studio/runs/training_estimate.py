"""How long a training takes on this machine and how much memory it needs, before it starts."""

from dataclasses import dataclass
from functools import cache

import psutil

from faceloom.project.machine_speed import BYTES_PER_GB, MachineSpeed, measure_speed
from faceloom.project.presets import choose_training, preset_named


@dataclass(frozen=True, slots=True)
class TrainingForecast:
    """What a training will need."""

    preset: str
    """The preset."""
    size: int
    """Side of its crops in pixels."""
    steps: int
    """The step that it trains up to."""
    seconds: float
    """Estimated time of the whole training."""
    memory_gb: float
    """Memory that it needs."""
    free_gb: float
    """Memory that is free."""
    device: str
    """What trains: the name of the GPU, or the number of processor cores."""

    @property
    def fits(self) -> bool:
        """Whether the free memory is enough."""
        return self.memory_gb <= self.free_gb


def forecast_training(preset: str | None, steps: int | None) -> TrainingForecast:
    """Estimate a training. The first call measures the machine for about two seconds.

    Args:
        preset: The preset; None: the one that suits this machine.
        steps: The step to train up to; None: what gives a good result.

    Raises:
        UsageError: There is no such preset, or its time is not known.
    """
    machine = _machine()
    estimate = choose_training(machine, None, preset=preset, steps=steps)
    known = preset_named(estimate.preset)
    assert known is not None, "presets of unknown time are refused"
    cores = "1 processor core" if machine.cores == 1 else f"{machine.cores} processor cores"
    return TrainingForecast(
        known.name,
        known.size,
        estimate.steps,
        estimate.seconds,
        known.memory_gb,
        psutil.virtual_memory().available / BYTES_PER_GB,
        machine.gpu if machine.trains_on_gpu else cores,
    )


@cache
def _machine() -> MachineSpeed:
    return measure_speed()
