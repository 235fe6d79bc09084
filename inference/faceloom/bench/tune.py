"""Find a network's fastest batch size on this machine."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from faceloom.array_types import RgbBatch
from faceloom.bench.timing import timed
from faceloom.progress import Progress, ProgressGenerator
from faceloom.swap import Bundle, ConvertOptions, SwapNetwork
from faceloom.swap.inference.batch_tuning import TunedBatch, save_tuning

# Batch sizes that are measured.
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
# Crops that are swapped in each run.
_CROPS = 64
# Runs of each batch size; the fastest counts, since other programs may use the machine too.
_RUNS = 3


@dataclass(frozen=True, slots=True)
class TuneSummary:
    """The measured batch sizes."""

    crops_per_second: dict[int, float]
    """Throughput by batch size."""
    best: int
    """The fastest batch size."""
    tuning_file: Path
    """The file that stores it."""

    def to_text(self) -> str:
        """Return the result as two sentences."""
        rates = ", ".join(f"{size}: {rate:.0f}" for size, rate in self.crops_per_second.items())
        return (
            f"Crops per second by batch size: {rates}. Conversions on this machine now use "
            f"{self.best} (stored in {self.tuning_file})."
        )


def tune_batch_size(bundle: Path, options: ConvertOptions) -> ProgressGenerator[TuneSummary]:
    """Measure all batch sizes and store the fastest for later conversions with such networks.

    Args:
        bundle: The bundle.
        options: `provider` and `precision` apply.

    Returns:
        The measured rates and the best batch size.

    Raises:
        FaceloomError: As `Bundle.read` and `SwapNetwork.open`.
    """
    network = SwapNetwork.open(Bundle.read(bundle), options.provider, options.precision)
    size = network.crop.size
    crops = np.random.default_rng(0).integers(0, 256, (_CROPS, size, size, 3), np.uint8)
    rates = {}
    for index, batch_size in enumerate(_BATCH_SIZES):
        yield Progress("tune", index, len(_BATCH_SIZES), f"batch size {batch_size}")
        # The first run of a size allocates its buffers.
        network.swap(crops[:batch_size])
        swap_all = partial(_swap_all, network, crops, batch_size)
        rates[batch_size] = _CROPS / min(timed(swap_all)[1] for _ in range(_RUNS))
    best = max(rates, key=lambda batch_size: rates[batch_size])
    tuned = TunedBatch(batch=best, crops_per_second=round(rates[best], 1))
    return TuneSummary(rates, best, save_tuning(network, tuned))


def _swap_all(network: SwapNetwork, crops: RgbBatch, batch_size: int) -> None:
    for start in range(0, len(crops), batch_size):
        network.swap(crops[start : start + batch_size])
