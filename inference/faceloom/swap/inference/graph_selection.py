"""Select the graph of a bundle that suits the provider best."""

from collections.abc import Mapping, Sequence

from faceloom.choices import Precision
from faceloom.errors import UsageError
from faceloom.swap.bundle.manifest import GraphRow
from faceloom.swap.inference.providers import computes_in_bfloat16

# Precisions by provider, best first. A GPU moves half the bytes in fp16 and is no slower (NVIDIA);
# a CPU multiplies int8 two to three times as fast as fp32 (`benchmarks.conversion.export`) and
# computes fp16 as fp32.
_BY_PROVIDER: Mapping[str, Sequence[Precision]] = {
    "cpu": ("int8", "fp32", "fp16"),
    "cuda": ("fp16", "fp32", "int8"),
    "tensorrt": ("fp16", "fp32", "int8"),
    "directml": ("fp16", "fp32", "int8"),
    "openvino": ("int8", "fp32", "fp16"),
}
# For other providers, which were not measured, and for fp32 graphs computed in bfloat16, which is
# as fast as int8 and more accurate.
_DEFAULT_ORDER: Sequence[Precision] = ("fp32", "fp16", "int8")
# Accepted values of `--precision`.
PRECISIONS = ("auto", *_DEFAULT_ORDER)


def choose_graph(graphs: Sequence[GraphRow], provider: str, precision: str = "auto") -> GraphRow:
    """Return the graph that runs on a provider.

    Args:
        graphs: The bundle's graphs, one for each precision.
        provider: A key of `PROVIDERS`.
        precision: The required precision, or "auto" for the one that suits the provider best.

    Returns:
        One of `graphs`.

    Raises:
        UsageError: There is no such precision, or the bundle does not contain it.
    """
    if precision not in PRECISIONS:
        raise UsageError(
            f"There is no precision {precision!r}; choose one of {', '.join(PRECISIONS)}."
        )
    available = {graph.precision: graph for graph in graphs}
    for name in _order(provider) if precision == "auto" else (precision,):
        if name in available:
            return available[name]
    raise UsageError(
        f"The bundle has no {precision} graph; choose one of auto, {', '.join(available)}, "
        "or export it again with that precision."
    )


def _order(provider: str) -> Sequence[Precision]:
    if computes_in_bfloat16(provider):
        return _DEFAULT_ORDER
    return _BY_PROVIDER.get(provider, _DEFAULT_ORDER)
