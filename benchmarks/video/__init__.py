"""Benchmarks of encoding and of the SDR rendition."""
