"""Find the batch in which a network is fastest on this machine."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from faceloom.array_types import RgbBatch
from faceloom.bench.timing import timed
from faceloom.progress import Progress, ProgressGenerator
from faceloom.swap.inference.batch_tuning import Tuned, remember
from faceloom.swap.inference.swap_network import SwapNetwork
from faceloom.swap.pipeline.convert import ConvertOptions, open_network

_BATCHES = (1, 2, 4, 8, 16, 32, 64)
# Crops of each try, and tries, of which the fastest counts: others may use the machine too.
_CROPS, _TRIES = 64, 3


@dataclass(frozen=True, slots=True)
class TuneSummary:
    """Crops a second of each batch, and where the fastest is kept."""

    crops_per_second: dict[int, float]
    best: int
    kept: Path

    def to_text(self) -> str:
        """Return the tries as a line."""
        tries = ", ".join(f"{batch}: {rate:.0f}" for batch, rate in self.crops_per_second.items())
        return f"Crops a second by batch: {tries}. Conversions take {self.best} from now on ({self.kept})."


def tune_network(bundle: Path, options: ConvertOptions) -> ProgressGenerator[TuneSummary]:
    """Try all batches on a bundle's network and keep the fastest for conversions with networks like it."""
    network = open_network(bundle, options.provider, options.precision)
    size = network.crop.size
    crops = np.random.default_rng(0).integers(0, 256, (_CROPS, size, size, 3), np.uint8)
    rates = {}
    for number, batch in enumerate(_BATCHES):
        yield Progress("tune", number, len(_BATCHES), f"batch {batch}")
        network.swap(crops[:batch])
        seconds = [timed(partial(_swap_all, network, crops, batch))[1] for _ in range(_TRIES)]
        rates[batch] = _CROPS / min(seconds)
    best = max(rates, key=lambda batch: rates[batch])
    return TuneSummary(
        rates, best, remember(network, Tuned(batch=best, crops_per_second=round(rates[best], 1)))
    )


def _swap_all(network: SwapNetwork, crops: RgbBatch, batch: int) -> None:
    for at in range(0, len(crops), batch):
        network.swap(crops[at : at + batch])
