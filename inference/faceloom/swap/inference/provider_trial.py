"""Choose the fastest of one network's providers by running each for a moment."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from faceloom.array_types import RgbBatch
from faceloom.onnx_session import first_line
from faceloom.swap.bundle.bundle import GoldenSample
from faceloom.swap.bundle.manifest import ToleranceRow
from faceloom.swap.bundle.output_difference import OutputDifference

log = logging.getLogger(__name__)

# Seconds for all providers together. A run is never interrupted, so a slow one takes longer.
_TRIAL_SECONDS = 1.0
# Crops of a run: providers differ as much with a few crops as with many, and a CPU takes up to
# 0.5 s for one.
_CROPS = 2
# Most faces whose outputs are compared with the trained model's, in one batch.
_REPLAYED = 32
# Most timed runs of a provider.
_MAX_RUNS = 10
# How many times as fast as the CPU another provider must be. Smaller gains vary from trial to
# trial, and the choice decides the last bits of the output.
_MIN_SPEEDUP = 1.25


@runtime_checkable
class TrialNetwork(Protocol):
    """A network opened on one provider."""

    provider: str
    """A key of `PROVIDERS`."""

    @property
    def tolerance(self) -> ToleranceRow:
        """The limits of `replay`."""
        ...

    def swap(self, crops: RgbBatch) -> Any:
        """Run the network.

        Args:
            crops: Crops, [n, size, size, 3].
        """
        ...

    def replay(self, golden: GoldenSample) -> OutputDifference:
        """Compare the network's outputs with the trained model's.

        Args:
            golden: The bundle's golden sample.
        """
        ...


Network = TypeVar("Network", bound=TrialNetwork)


def choose_fastest(
    networks: Sequence[Network],
    golden: GoldenSample,
    clock: Callable[[], float] = time.perf_counter,
) -> Network:
    """Return the fastest network whose outputs are right; the CPU's unless another is faster.

    Args:
        networks: One network opened on several providers; the last one, which runs on the CPU if
            that works, is returned if no other fits.
        golden: The bundle's golden sample, whose faces are used.
        clock: Returns seconds.

    Returns:
        One of `networks`.
    """
    crops = golden.faces[:_CROPS]
    if not len(crops):
        return networks[-1]
    share = _TRIAL_SECONDS / len(networks)
    seconds = {each.provider: _measure(each, crops, share, clock) for each in networks}
    log.info("Seconds for %d crops: %s.", len(crops), seconds)
    cpu_seconds = seconds.get("cpu", float("inf"))
    candidates = sorted(
        (
            each
            for each in networks
            if each.provider != "cpu" and seconds[each.provider] * _MIN_SPEEDUP < cpu_seconds
        ),
        key=lambda each: seconds[each.provider],
    )
    return next((each for each in candidates if _is_right(each, golden)), networks[-1])


def _measure(
    network: TrialNetwork, crops: RgbBatch, share: float, clock: Callable[[], float]
) -> float:
    """Return the seconds of the fastest run, infinity if the network does not run.

    The first run, which allocates, does not count.
    """
    fastest, end = float("inf"), clock() + share
    try:
        network.swap(crops)
        for _ in range(_MAX_RUNS):
            start = clock()
            network.swap(crops)
            fastest = min(fastest, clock() - start)
            if clock() >= end:
                break
    except Exception as error:  # a provider fails with its own undocumented classes
        _warn_failed(network, error)
        return float("inf")
    return fastest


def _warn_failed(network: TrialNetwork, error: Exception) -> None:
    log.warning(
        "The %s provider starts and does not run the network (%s). Trying the next provider.",
        network.provider,
        # The cause, as the error itself names the provider too.
        first_line(error.__cause__ or error),
    )


def _is_right(network: TrialNetwork, golden: GoldenSample) -> bool:
    few = GoldenSample(
        golden.faces[:_REPLAYED], golden.swapped[:_REPLAYED], golden.masks[:_REPLAYED]
    )
    try:
        difference = network.replay(few)
    except Exception as error:  # a provider fails with its own undocumented classes
        _warn_failed(network, error)
        return False
    if violations := list(difference.violations(network.tolerance)):
        log.warning(
            "The %s provider differs from the trained model (%s). Trying the next provider.",
            network.provider,
            ", ".join(violations),
        )
        return False
    return True
