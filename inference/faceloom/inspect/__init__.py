"""Identify and describe a bundle, .dfm, face set, run or project.

Descriptions of runs come from the trainer through an entry point. May import everything below
`cli`.
"""

from faceloom.inspect.identify_artifact import inspect_path
from faceloom.inspect.inspection import Inspection

__all__ = ["Inspection", "inspect_path"]
