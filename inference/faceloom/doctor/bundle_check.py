"""Check a bundle: replay its golden sample on this machine."""

from collections.abc import Iterator
from pathlib import Path

from faceloom.doctor.check_result import CheckResult
from faceloom.errors import FaceloomError
from faceloom.swap import Bundle, SwapNetwork
from faceloom.swap.bundle import GoldenSample

# How the names of these checks start.
PREFIX = "bundle "


def check(path: Path, provider: str) -> Iterator[CheckResult]:
    """Compare each graph's outputs for the golden sample with the trained model's outputs.

    Args:
        path: The bundle.
        provider: The onnxruntime provider, or "auto".

    Yields:
        A result for each graph, or one failure if the bundle is refused.
    """
    name = f"{PREFIX}{path.name}"
    try:
        bundle = Bundle.read(path)
        golden = bundle.read_golden_sample()
        for graph in bundle.manifest.graphs:
            network = SwapNetwork.open(bundle, provider, graph.precision)
            yield _replay(network, golden, f"{name} {graph.precision}")
    except FaceloomError as error:
        yield CheckResult(name, "failed", "refused", str(error))


def _replay(network: SwapNetwork, golden: GoldenSample, name: str) -> CheckResult:
    difference = network.replay(golden)
    detail = (
        f"on {network.provider}: differs by at most {difference.max} of 255 levels "
        f"(mean {difference.mean:.4f})"
    )
    if violations := list(difference.violations(network.tolerance)):
        advice = "use another provider and report this"
        return CheckResult(name, "failed", f"{detail}; {', '.join(violations)}", advice)
    return CheckResult(name, "ok", detail)
