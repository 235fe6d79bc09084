"""Benchmarks of conversion, of bundles and of the judge."""
