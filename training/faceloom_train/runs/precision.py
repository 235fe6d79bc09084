"""Choose the precision of a new run by the hardware. A run keeps it, on other machines too."""

from collections.abc import Iterator
from typing import Literal

import keras
import tensorflow as tf

from faceloom.hardware import has_amx
from faceloom_train.config.schema import TrainConfig

# Compute capability of Ampere, NVIDIA's first architecture with bfloat16 tensor cores.
_AMPERE = (8, 0)


def resolve_precision(config: TrainConfig, current: TrainConfig | None) -> TrainConfig:
    """Replace the precision "auto".

    Args:
        config: The requested configuration.
        current: The configuration of the existing run, whose precision is used; None: a new run,
            which gets the best precision of the hardware.

    Returns:
        `config` with a precision other than "auto".
    """
    if config.precision != "auto":
        return config
    precision = current.precision if current else best_precision()
    return config.model_copy(update={"precision": precision})


def best_precision() -> Literal["mixed_bfloat16", "float32"]:
    """Return mixed_bfloat16 if all devices of this machine compute in bfloat16, else float32.

    With AMX, a CPU's convolutions are five times as fast in bfloat16; emulated bfloat16 is not
    faster than float32.
    """
    capabilities = list(_compute_capabilities())
    # JAX does not use AMX.
    native = (
        min(capabilities) >= _AMPERE
        if capabilities
        else has_amx() and keras.backend.backend() != "jax"
    )
    return "mixed_bfloat16" if native else "float32"


def _compute_capabilities() -> Iterator[tuple[int, int]]:
    """Yield the compute capability of each GPU that Keras' backend uses."""
    if keras.backend.backend() == "jax":
        import jax  # noqa: PLC0415  only where it is the backend

        for device in jax.local_devices():
            if device.platform == "gpu":
                major, minor = str(getattr(device, "compute_capability", "0.0")).split(".")
                yield int(major), int(minor)
    else:
        for gpu in tf.config.list_physical_devices("GPU"):
            yield tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
