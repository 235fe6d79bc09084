"""A bundle's golden sample, replayed on this machine."""

from collections.abc import Iterator
from pathlib import Path

from faceloom.doctor.finding import Finding
from faceloom.errors import FaceloomError
from faceloom.swap.bundle.bundle import Bundle
from faceloom.swap.inference.swap_network import SwapNetwork


def check(path: Path, provider: str) -> Iterator[Finding]:
    """Say of each graph of a bundle whether it gives here what the trained model gave where it was trained."""
    what = f"bundle {path.name}"
    try:
        bundle = Bundle.read(path)
        for graph in bundle.manifest.graphs:
            yield _replay(bundle, provider, graph.precision, f"{what} {graph.precision}")
    except FaceloomError as error:
        yield Finding(what, "failed", "refused", str(error))


def _replay(bundle: Bundle, provider: str, precision: str, what: str) -> Finding:
    network = SwapNetwork.open(bundle, provider, precision)
    difference = network.replay(bundle.read_golden())
    detail = f"on {network.provider}: at most {difference.greatest} of 255 levels off (mean {difference.mean:.4f})"
    if problems := list(difference.beyond(network.tolerance)):
        return Finding(
            what,
            "failed",
            f"{detail}; {', '.join(problems)}",
            "use another provider and report this",
        )
    return Finding(what, "ok", detail)
