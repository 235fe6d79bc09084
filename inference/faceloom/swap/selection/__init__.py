"""Face selection: which faces of a frame are swapped, and by which source.

May import `faceloom.swap.options`, `faceloom.swap.bundle` and the packages below `faceloom.swap`.
"""

from faceloom.swap.selection.face_selector import FaceSelection, FaceSelector
from faceloom.swap.selection.recognition import ReferenceSet
from faceloom.swap.selection.track_state import TrackArrays, TrackState

__all__ = ["FaceSelection", "FaceSelector", "ReferenceSet", "TrackArrays", "TrackState"]
