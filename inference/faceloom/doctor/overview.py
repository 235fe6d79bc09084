"""What to install on this machine, and how long training takes here."""

import importlib.util
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faceloom.installation import extras_command
from faceloom.operating_system import set_variable
from faceloom.project.estimates import estimate_seconds
from faceloom.project.machine_speed import MachineSpeed, measure_speed
from faceloom.project.presets import PRESETS, choose_training, training_seconds

# Where Linux lists the PCI devices.
_PCI_DEVICES = Path("/sys/bus/pci/devices")
# PCI vendor number of NVIDIA, and the start of the class number of displays and accelerators.
_NVIDIA_VENDOR = "0x10de"
_GPU_CLASSES = ("0x0300", "0x0302")
# What Linux tells about the processor.
_CPU_INFO = Path("/proc/cpuinfo")
# The clip of the example: one minute at 25 frames per second, in a common size.
_EXAMPLE_FRAMES = 1500
_EXAMPLE_MEGAPIXELS = 0.31
# Modules of everything that a swap on a CPU needs.
_SWAP_MODULES = ("onnxruntime", "tensorflow", "keras", "tf2onnx")
# Longest training that is shown in minutes, in seconds.
_LONGEST = 3 * 86400


@dataclass(frozen=True, slots=True)
class PresetTime:
    """How long a preset takes."""

    preset: str
    """Its name."""
    size: int
    """Side of its crops in pixels."""
    steps: int
    """Steps that its swap needs."""
    seconds: float
    """Estimated time of the training."""
    memory_gb: float
    """Memory that the training needs."""
    chosen: bool
    """Whether `faceloom swap` takes it on this machine."""


@dataclass(frozen=True, slots=True)
class MachineOverview:
    """What the machine is, what to install on it, and how long training takes."""

    cpu: str
    """The processor."""
    speed: MachineSpeed
    """What it can do."""
    has_gpu_without_driver: bool
    """Whether there is an NVIDIA GPU whose driver does not answer."""
    install: str
    """The command that installs everything for this machine."""
    installed: bool
    """Whether all of it is installed."""
    presets: tuple[PresetTime, ...]
    """The presets, from the fastest one on."""
    swap_seconds: float
    """Estimated time of a whole swap of a clip of one minute."""

    def to_text(self) -> str:
        """Return the overview as lines."""
        return "\n".join([*self._machine_lines(), "", *self._preset_lines()])

    def _machine_lines(self) -> Iterator[str]:
        speed = self.speed
        sets = "AVX-512 and AMX" if speed.amx else "AVX-512" if speed.avx512 else "no AVX-512"
        yield (
            f"This machine   {self.cpu}: {speed.cores} cores ({sets}, "
            f"{speed.core_gflops:.0f} GFLOPS each), {speed.memory_gb:.1f} GB of memory free, "
            f"{speed.gpu or 'no NVIDIA GPU'}"
        )
        yield f"To install     {self.install}{' (it is)' if self.installed else ''}"
        if self.has_gpu_without_driver:
            yield "               first the GPU's driver: sudo ubuntu-drivers install, then restart"

    def _preset_lines(self) -> Iterator[str]:
        yield "Training here  estimated from a probe of the processor"
        for preset in self.presets:
            chosen = "  <- faceloom swap" if preset.chosen else ""
            yield (
                f"  {preset.preset:<12} {preset.size:>4} px {_duration(preset.seconds):>9} for "
                f"{preset.steps:,} steps, {preset.memory_gb:.1f} GB{chosen}"
            )
        yield (
            f"  A whole swap of a clip of one minute (640x480): about "
            f"{_duration(self.swap_seconds)}"
        )


def look_at_machine() -> MachineOverview:
    """Measure the machine for about two seconds.

    Returns:
        The overview.
    """
    speed = measure_speed()
    chosen = choose_training(speed, None)
    without_driver = not speed.gpu and has_nvidia_hardware()
    others = estimate_seconds(
        speed,
        guest_frames=_EXAMPLE_FRAMES,
        target_frames=_EXAMPLE_FRAMES,
        frames=_EXAMPLE_FRAMES,
        megapixels=_EXAMPLE_MEGAPIXELS,
    )
    return MachineOverview(
        cpu=_cpu_name(),
        speed=speed,
        has_gpu_without_driver=without_driver,
        install=install_command(gpu=bool(speed.gpu) or without_driver),
        installed=_is_installed(gpu=bool(speed.gpu), speed=speed),
        presets=tuple(
            PresetTime(
                preset.name,
                preset.size,
                preset.steps,
                training_seconds(preset, preset.steps, speed),
                preset.memory_gb,
                preset.name == chosen.preset,
            )
            for preset in PRESETS
        ),
        swap_seconds=chosen.seconds + others.total,
    )


def install_command(*, gpu: bool) -> str:
    """Return the command that installs everything for a machine (docs/support.md).

    Args:
        gpu: Whether it has an NVIDIA GPU.
    """
    if gpu:
        then = set_variable("KERAS_BACKEND", "jax")
        return extras_command("gpu,train,export", "jax[cuda13]", then=then)
    return extras_command("cpu,train,export")


def has_nvidia_hardware() -> bool:
    """Return whether Linux lists a GPU of NVIDIA, with or without a driver."""
    try:
        for device in _PCI_DEVICES.iterdir():
            vendor = (device / "vendor").read_text(encoding="ascii").strip()
            kind = (device / "class").read_text(encoding="ascii").strip()
            if vendor == _NVIDIA_VENDOR and kind.startswith(_GPU_CLASSES):
                return True
    except OSError:
        return False
    return False


def _is_installed(*, gpu: bool, speed: MachineSpeed) -> bool:
    complete = all(importlib.util.find_spec(name) is not None for name in _SWAP_MODULES)
    return complete and (speed.trains_on_gpu or not gpu)


def _cpu_name() -> str:
    try:
        for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _duration(seconds: float) -> str:
    if seconds < 5400:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / 3600:.0f} h" if seconds < _LONGEST else f"{seconds / 86400:.0f} days"
