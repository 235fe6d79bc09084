"""What a file or folder is: a bundle, a .dfm, a face set, a run."""

from faceloom.inspect.identify_artifact import inspect_path
from faceloom.inspect.inspection import Inspection

__all__ = ["Inspection", "inspect_path"]
