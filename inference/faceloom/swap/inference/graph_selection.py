"""Which of a bundle's graphs runs: by what was asked for, or by the provider."""

from collections.abc import Mapping, Sequence

from faceloom.errors import UsageError
from faceloom.swap.bundle.manifest import GraphRow, Precision
from faceloom.swap.inference.providers import computes_in_bfloat16

# Best first. A GPU moves half the bytes in fp16 and is no slower (NVIDIA); a processor multiplies int8 two to three
# times as fast (benchmarks/export.py) and computes fp16 as fp32.
_BY_PROVIDER: Mapping[str, Sequence[Precision]] = {
    "cpu": ("int8", "fp32", "fp16"),
    "cuda": ("fp16", "fp32", "int8"),
    "tensorrt": ("fp16", "fp32", "int8"),
    "directml": ("fp16", "fp32", "int8"),
    "openvino": ("int8", "fp32", "fp16"),
}
# bfloat16 is as fast as int8, and nearer. Nothing was measured on the other providers.
_OTHERS: Sequence[Precision] = ("fp32", "fp16", "int8")
PRECISIONS = ("auto", *_OTHERS)


def choose_graph(graphs: Sequence[GraphRow], provider: str, precision: str = "auto") -> GraphRow:
    """Return the graph of that precision or, for "auto", the one that suits `provider` best.

    Raises UsageError if there is no such precision, or the bundle does not hold it.
    """
    if precision not in PRECISIONS:
        raise UsageError(
            f"There is no precision {precision!r}; choose one of {', '.join(PRECISIONS)}."
        )
    held = {graph.precision: graph for graph in graphs}
    for name in _best_first(provider) if precision == "auto" else (precision,):
        if name in held:
            return held[name]
    raise UsageError(
        f"The bundle has no {precision} graph; choose one of auto, {', '.join(held)}, or export it anew."
    )


def _best_first(provider: str) -> Sequence[Precision]:
    return _OTHERS if computes_in_bfloat16(provider) else _BY_PROVIDER.get(provider, _OTHERS)
