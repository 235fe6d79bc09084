"""Benchmarks: `python -m benchmarks.GROUP.NAME` prints the figures of a document."""

# Before a benchmark imports onnxruntime: it turns onnxruntime's telemetry off.
import faceloom  # noqa: F401
