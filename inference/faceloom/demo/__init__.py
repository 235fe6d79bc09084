"""The demo: the whole workflow on the included sample, with the commands that a user types.

Imports `faceloom.compare` and what is below it.
"""

from faceloom.demo.run import DemoSummary, run_demo
from faceloom.demo.sample_clips import PRESET, SOURCE, STEPS, TARGET, sample_clip

__all__ = ["PRESET", "SOURCE", "STEPS", "TARGET", "DemoSummary", "run_demo", "sample_clip"]
