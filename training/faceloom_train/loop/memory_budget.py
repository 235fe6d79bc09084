"""How much memory a step needs, how much there is, and what fits."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import psutil
import tensorflow as tf

from faceloom_train.config.schema import TrainConfig
from faceloom_train.model.networks import layers_of
from faceloom_train.model.swap_model import SwapModel

# Bytes of the libraries themselves and their scratch space.
_PROGRAM = 900e6
# Numbers for each pixel of a face that the losses keep for the way back, and for each number that a layer puts out.
# Fitted to peaks with TensorFlow on a CPU: smoke with 64 faces at once, base_128 with 24, base_256 with 4, hires_384
# with 2 and two others. The estimate is 0.98 to 1.13 of the peak, with `rematerialze` 1.00 to 1.24.
_LOSS_NUMBERS, _KEPT = 100, 1.4
_USABLE = 0.8


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """An estimate in bytes. weights: with gradients, also clipped; optimizer: its moments and averages."""

    weights: float
    optimizer: float
    activations: float

    @property
    def total(self) -> float:
        """All of it, the program included."""
        return self.weights + self.optimizer + self.activations + _PROGRAM

    def to_text(self, faces: int, free: float | None) -> str:
        """Say it in a line; `faces` of each identity are computed at once."""
        there = f"; {_gb(free)} are free" if free is not None else ""
        return (
            f"about {_gb(self.total)}: weights and gradients {_gb(self.weights)}, optimizer {_gb(self.optimizer)}, "
            f"{faces} faces of each identity at once {_gb(self.activations)}{there}"
        )


def estimate_need(model: SwapModel, faces: int) -> MemoryNeed:
    """Estimate what training takes with `faces` of each identity at once."""
    config = model.config
    numbers = sum(math.prod(weight.shape) for weight in model.trainable_variables)
    in_parts = faces < config.faces_per_step
    everybody = faces * len(model.decoders)
    seen, drawn = _bytes_of_outputs(model.encoder), _bytes_of_outputs(model.decoders[0])
    # Computed again, one decoder's outputs are there after the other's.
    layers = (
        max(everybody * seen, faces * drawn) if config.rematerialze else everybody * (seen + drawn)
    )
    loss = everybody * 4 * _LOSS_NUMBERS * config.network.size**2
    return MemoryNeed(
        weights=4 * numbers * (4 if in_parts else 3),
        optimizer=4 * numbers * (3 if config.optimizer.ema else 2),
        activations=_KEPT * layers + loss,
    )


def free_memory() -> float | None:
    """Return the bytes that training may take: of the accelerator, else of the machine; None if nobody can say."""
    if keras.backend.backend() == "jax":
        import jax  # noqa: PLC0415  only where it is the backend

        device = jax.local_devices()[0]
        if device.platform != "cpu":
            figures = device.memory_stats() or {}
            return (
                figures["bytes_limit"] - figures["bytes_in_use"]
                if "bytes_limit" in figures
                else None
            )
    elif tf.config.list_physical_devices("GPU"):
        return None
    own = psutil.Process().memory_info().rss
    return min([psutil.virtual_memory().available, *_container_limits()]) + own


def fitting_batch(most: int, need: Callable[[int], MemoryNeed], free: float | None) -> int:
    """Return how many faces of each identity to compute at once: the `most` that a device has in a step, if they fit.

    Where free memory is not known the whole step is tried; running out of it then halves the number.
    """
    sizes = list(divisors(most))
    if free is None:
        return sizes[0]
    return next((size for size in sizes if need(size).total < _USABLE * free), sizes[-1])


def smaller_batch(config: TrainConfig, faces: int) -> int | None:
    """Return the next smaller number of faces at once, half or less, that divides a step; None after 1."""
    return next((size for size in divisors(config.faces_per_step) if 2 * size <= faces), None)


def largest_divisor(number: int, limit: int) -> int:
    """Return the largest number up to `limit` that divides another."""
    return next(size for size in divisors(number) if size <= limit)


def divisors(number: int) -> Iterator[int]:
    """Yield what divides a number, the largest first."""
    return (size for size in range(number, 0, -1) if number % size == 0)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error says that the memory of the machine or the accelerator is used up.

    JAX says so in the text only, and Keras closes `fit` there with an error of its own on top.
    """
    while error is not None:
        if isinstance(
            error, (MemoryError, tf.errors.ResourceExhaustedError)
        ) or "RESOURCE_EXHAUSTED" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _bytes_of_outputs(network: keras.Model) -> int:
    """Bytes that all layers of a graph put out for one face."""
    return sum(
        math.prod(layer.output.shape[1:]) * _bytes_of(layer.output.dtype)
        for layer in layers_of(network)
    )


def _bytes_of(dtype: str) -> int:
    return 2 if "16" in dtype else 4


def _container_limits() -> Iterator[float]:
    """What a container may still take (control groups, version 2)."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit, used = (
            (folder / name).read_text().strip() for name in ("memory.max", "memory.current")
        )
        if limit != "max":
            yield int(limit) - int(used)
    except (OSError, ValueError):
        return


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
