"""Measure how fast each stage runs on this machine. May import everything below `cli`."""

from faceloom.bench.convert import ConvertBench, bench_convert
from faceloom.bench.extract import ExtractBench, bench_extract
from faceloom.bench.tune import TuneSummary, tune_batch_size

__all__ = [
    "ConvertBench",
    "ExtractBench",
    "TuneSummary",
    "bench_convert",
    "bench_extract",
    "tune_batch_size",
]
