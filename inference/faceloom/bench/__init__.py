"""How fast each stage is on this machine."""

from faceloom.bench.extract import ExtractBench, bench_extract

__all__ = ["ExtractBench", "bench_extract"]
