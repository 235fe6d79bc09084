"""The whole job on the sample that ships with Faceloom, by the same commands a user types."""

from faceloom.demo.run import DemoSummary, run_demo

__all__ = ["DemoSummary", "run_demo"]
