"""A bundle's golden sample, replayed on this machine."""

from pathlib import Path

from faceloom.doctor.finding import Finding
from faceloom.errors import FaceloomError
from faceloom.swap.bundle import Bundle
from faceloom.swap.network import SwapNetwork, golden_difference


def check(path: Path, provider: str) -> Finding:
    """Say whether a bundle gives here what it gave where it was trained."""
    what = f"bundle {path.name}"
    try:
        bundle = Bundle.read(path)
        network = SwapNetwork.open(bundle, provider)
        worst, mean = golden_difference(network, bundle)
    except FaceloomError as error:
        return Finding(what, "failed", "refused", str(error))
    detail = f"on {network.provider}: at most {worst} of 255 levels off (mean {mean:.4f})"
    if worst > bundle.manifest.golden.allowed_difference:
        return Finding(what, "failed", detail, "use another provider and report this")
    return Finding(what, "ok", detail)
