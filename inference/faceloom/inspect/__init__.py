"""What a file or folder is: a bundle, a .dfm, a face set, a run."""

from faceloom.inspect.inspection import Inspection
from faceloom.inspect.look import inspect_path

__all__ = ["Inspection", "inspect_path"]
