"""How fast this machine is: a probe of two seconds and what the hardware has."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import psutil

from faceloom.hardware import available_cores, has_amx, has_avx512

# Speed of one core of the machine that estimates belong to, in GFLOPS of `measure_speed`: rounded
# from 111, measured on a core of an AMD EPYC with AVX-512.
REFERENCE_CORE_GFLOPS = 100.0
# Cores of that machine.
REFERENCE_CORES = 2
# Side of the matrices that are multiplied: below the size from which OpenBLAS uses several threads,
# so that the time of this thread is the whole cost, whatever else runs.
_SIDE = 64
# Products in one measurement.
_PRODUCTS = 256
# Measurements; the fastest counts.
_REPEATS = 150
# Bytes in a GB.
BYTES_PER_GB = 2**30
# Programs that print whether a backend finds a GPU.
_GPU_SCRIPTS = {
    "tensorflow": "import tensorflow; print(bool(tensorflow.config.list_physical_devices('GPU')))",
    "jax": "import jax; print(jax.default_backend() == 'gpu')",
}
# Seconds that nvidia-smi has to answer.
_DRIVER_SECONDS = 20


@dataclass(frozen=True, slots=True)
class MachineSpeed:
    """What decides how long training takes."""

    cores: int
    """Cores that this process may use."""
    core_gflops: float
    """Billions of float32 operations that one core does in a second, in matrix products."""
    amx: bool
    """Whether the CPU multiplies bfloat16 matrices (AMX)."""
    avx512: bool
    """Whether the CPU has AVX-512."""
    memory_gb: float
    """Free memory."""
    gpu: str
    """Name of the NVIDIA GPU whose driver answers; empty if there is none."""
    trains_on_gpu: bool
    """Whether the installed trainer finds that GPU."""

    @property
    def gflops(self) -> float:
        """Billions of float32 operations that all cores do in a second."""
        return self.cores * self.core_gflops


def measure_speed() -> MachineSpeed:
    """Measure the processor and look for a GPU.

    Returns:
        The speed. It does not depend on what else runs: the processor time is measured.
    """
    gpu = nvidia_gpu()
    return MachineSpeed(
        cores=available_cores(),
        core_gflops=_core_gflops(),
        amx=has_amx(),
        avx512=has_avx512(),
        memory_gb=psutil.virtual_memory().available / BYTES_PER_GB,
        gpu=gpu,
        trains_on_gpu=bool(gpu) and trainer_finds_gpu(),
    )


def nvidia_gpu() -> str:
    """Return the name of the first NVIDIA GPU whose driver answers; empty if there is none."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    try:
        answer = subprocess.run(
            [program, "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=_DRIVER_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    lines = answer.stdout.splitlines()
    return lines[0].strip() if lines else ""


def trainer_finds_gpu() -> bool:
    """Return whether the trainer's backend finds a GPU, in a process of its own: TensorFlow, or JAX
    with KERAS_BACKEND=jax.
    """
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    script = _GPU_SCRIPTS.get(backend)
    if script is None:
        return False
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    return process.returncode == 0 and process.stdout.strip().endswith("True")


def _core_gflops() -> float:
    """Measure matrix products of one core, in billions of operations a second."""
    generator = np.random.default_rng(0)
    left = generator.random((_PRODUCTS, _SIDE, _SIDE), dtype=np.float32)
    right, product = left.copy(), np.empty_like(left)
    fastest = float("inf")
    for _ in range(_REPEATS):
        started = time.thread_time()
        np.matmul(left, right, out=product)
        fastest = min(fastest, time.thread_time() - started)
    return 2 * _PRODUCTS * _SIDE**3 / max(fastest, 1e-9) / 1e9
