"""Which precision suits the hardware. A run is begun with one and keeps it, on other machines too."""

from collections.abc import Iterator
from typing import Literal

import keras
import tensorflow as tf

from faceloom.cpu_features import has_amx
from faceloom_train.config.schema import TrainConfig

# NVIDIA's first with bfloat16 in its tensor cores: Ampere.
_AMPERE = (8, 0)


def decided(wanted: TrainConfig, current: TrainConfig | None) -> TrainConfig:
    """Put a precision in the place of "auto": that of the run as it is, or for a new one the hardware's best."""
    if wanted.precision != "auto":
        return wanted
    chosen = current.precision if current else best_precision()
    return wanted.model_copy(update={"precision": chosen})


def best_precision() -> Literal["mixed_bfloat16", "float32"]:
    """Return mixed_bfloat16 where every device of this machine multiplies bfloat16 itself, else float32.

    With AMX a CPU's convolutions are five times as fast in bfloat16; where it must be imitated nothing is gained.
    """
    capabilities = list(_capabilities())
    # JAX has no way to AMX.
    native = (
        min(capabilities) >= _AMPERE
        if capabilities
        else has_amx() and keras.backend.backend() != "jax"
    )
    return "mixed_bfloat16" if native else "float32"


def _capabilities() -> Iterator[tuple[int, int]]:
    """Yield the compute capability of each GPU that Keras' backend sees."""
    if keras.backend.backend() == "jax":
        import jax  # noqa: PLC0415  only where it is the backend

        for device in jax.local_devices():
            if device.platform == "gpu":
                major, minor = str(getattr(device, "compute_capability", "0.0")).split(".")
                yield int(major), int(minor)
    else:
        for gpu in tf.config.list_physical_devices("GPU"):
            yield tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
