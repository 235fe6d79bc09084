"""Estimate the memory that a step needs, and choose how many faces to compute at once."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import keras
import psutil
import tensorflow as tf

from faceloom.hardware import available_memory
from faceloom.progress import Progress, ProgressCallback
from faceloom_train.config.schema import TrainConfig
from faceloom_train.distributed.strategy import DeviceStrategy
from faceloom_train.model.networks import iterate_layers
from faceloom_train.model.swap_model import SwapModel

# Bytes that the libraries and their scratch space take.
_PROGRAM_BYTES = 900e6
# The next two are fitted to peaks with TensorFlow on a CPU: smoke with 64 faces at once, base_128
# with 24, base_256 with 4, hires_384 with 2 and two others. The estimate is 0.98 to 1.13 of the
# peak, with `gradient_checkpointing` 1.00 to 1.24.
# Numbers per pixel of a face that the losses keep for the backward pass.
_LOSS_NUMBERS_PER_PIXEL = 100
# Activations kept for the backward pass, in multiples of the layers' outputs.
_KEPT_ACTIVATIONS = 1.4
# Fraction of the free memory that an estimate may fill, because it is not exact.
_USABLE_FRACTION = 0.8
# Bytes of a weight, of its gradient or of a variable of the optimizer: always float32.
_BYTES_PER_NUMBER = 4


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """The memory that training needs, in bytes."""

    weights: float
    """Weights, gradients and clipped gradients."""
    optimizer: float
    """The optimizer's moments and averages."""
    activations: float
    """What the backward pass needs of the forward pass."""

    @property
    def total(self) -> float:
        """All of it, the program included."""
        return self.weights + self.optimizer + self.activations + _PROGRAM_BYTES

    def to_text(self, micro_batch_size: int, free: float | None) -> str:
        """Return a one-line description.

        Args:
            micro_batch_size: Faces of each identity that are computed at once.
            free: Free memory in bytes; None: unknown.
        """
        free_text = f"; {_gigabytes(free)} are free" if free is not None else ""
        return (
            f"about {_gigabytes(self.total)}: weights and gradients {_gigabytes(self.weights)}, "
            f"optimizer {_gigabytes(self.optimizer)}, "
            f"micro-batch of {micro_batch_size} faces of each identity "
            f"{_gigabytes(self.activations)}{free_text}"
        )


def estimate_memory(model: SwapModel, micro_batch_size: int) -> MemoryEstimate:
    """Estimate the memory that training takes.

    Args:
        model: The model.
        micro_batch_size: Faces of each identity that are computed at once.
    """
    config = model.config
    weight_count = sum(math.prod(weight.shape) for weight in model.trainable_variables)
    accumulates_gradients = micro_batch_size < config.batch_size
    all_faces = micro_batch_size * len(model.decoders)
    encoder_bytes = _output_bytes(model.encoder)
    decoder_bytes = _output_bytes(model.decoders[0])
    if config.gradient_checkpointing:
        # Recomputed activations exist for the encoder or for one decoder at a time.
        layers = max(all_faces * encoder_bytes, micro_batch_size * decoder_bytes)
    else:
        layers = all_faces * (encoder_bytes + decoder_bytes)
    loss_numbers = all_faces * _LOSS_NUMBERS_PER_PIXEL * config.network.size**2
    return MemoryEstimate(
        weights=_BYTES_PER_NUMBER * weight_count * (4 if accumulates_gradients else 3),
        optimizer=_BYTES_PER_NUMBER * weight_count * (3 if config.optimizer.ema_momentum else 2),
        activations=_KEPT_ACTIVATIONS * layers + _BYTES_PER_NUMBER * loss_numbers,
    )


def choose_micro_batch(model: SwapModel, strategy: DeviceStrategy, report: ProgressCallback) -> int:
    """Choose how many faces of each identity a device computes at once.

    Args:
        model: The model.
        strategy: The devices.
        report: Receives the memory estimate.
    """
    settings = model.config
    faces = strategy.faces_per_device(settings)
    free = free_memory()
    estimate = partial(estimate_memory, model)
    if settings.micro_batch_size == "auto":
        size = largest_fitting_micro_batch(faces, estimate, free)
    else:
        size = largest_divisor(faces, settings.micro_batch_size or faces)
    report(Progress("memory", 1, 1, estimate(size).to_text(size, free)))
    return size


def free_memory() -> float | None:
    """Return the bytes that training may use, of the accelerator or else of the machine.

    Returns:
        The bytes, including those that this process uses already; None if unknown.
    """
    if keras.backend.backend() == "jax":
        import jax  # noqa: PLC0415  only where it is the backend

        device = jax.local_devices()[0]
        if device.platform != "cpu":
            stats = device.memory_stats() or {}
            if "bytes_limit" not in stats:
                return None
            return stats["bytes_limit"] - stats["bytes_in_use"]
    elif tf.config.list_physical_devices("GPU"):
        return None
    own = psutil.Process().memory_info().rss
    return available_memory() + own


def largest_fitting_micro_batch(
    faces: int, estimate: Callable[[int], MemoryEstimate], free: float | None
) -> int:
    """Return the largest micro-batch that fits into memory; 1 if none does.

    Args:
        faces: Faces of each identity that a device computes in a step; the micro-batch divides it.
        estimate: Estimates the memory of a micro-batch.
        free: Free memory in bytes; None: unknown. Then the result is `faces`: running out of memory
            reduces it later.
    """
    sizes = list(divisors(faces))
    if free is None:
        return sizes[0]
    fitting = (size for size in sizes if estimate(size).total < _USABLE_FRACTION * free)
    return next(fitting, sizes[-1])


def next_smaller_micro_batch(config: TrainConfig, micro_batch_size: int) -> int | None:
    """Return the next smaller size, half or less, that divides the batch; None after 1.

    Args:
        config: The run's settings.
        micro_batch_size: The size that did not fit.
    """
    sizes = divisors(config.batch_size)
    return next((size for size in sizes if 2 * size <= micro_batch_size), None)


def largest_divisor(number: int, limit: int) -> int:
    """Return the largest divisor of a number up to a limit.

    Args:
        number: The number, at least 1.
        limit: The limit, at least 1.
    """
    return next(size for size in divisors(number) if size <= limit)


def divisors(number: int) -> Iterator[int]:
    """Yield the divisors of a number, the largest first.

    Args:
        number: The number, at least 1.
    """
    return (size for size in range(number, 0, -1) if number % size == 0)


def _output_bytes(network: keras.Model) -> int:
    """Return the bytes of all layers' outputs for one face."""
    return sum(
        math.prod(layer.output.shape[1:]) * (2 if "16" in layer.output.dtype else 4)
        for layer in iterate_layers(network)
    )


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
