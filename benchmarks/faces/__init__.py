"""Benchmarks of extraction and of the face parsing network."""
