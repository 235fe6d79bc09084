"""How fast each stage is on this machine."""

from faceloom.bench.convert import ConvertBench, bench_convert
from faceloom.bench.extract import ExtractBench, bench_extract
from faceloom.bench.tune import TuneSummary, tune_network

__all__ = [
    "ConvertBench",
    "ExtractBench",
    "TuneSummary",
    "bench_convert",
    "bench_extract",
    "tune_network",
]
