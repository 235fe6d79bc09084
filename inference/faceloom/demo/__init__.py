"""The demo: the whole workflow on the included sample, with the commands that a user types.

Imports `faceloom.compare` and what is below it.
"""

from faceloom.demo.run import DemoSummary, run_demo

__all__ = ["DemoSummary", "run_demo"]
