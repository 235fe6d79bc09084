"""Show a swap without converting the video: a contact sheet, one frame, or the face tracks.

Imports the rest of `faceloom.swap`.
"""

from faceloom.swap.preview.frame_debug import FrameDebugSummary, write_frame_debug
from faceloom.swap.preview.preview import PreviewSummary, write_preview
from faceloom.swap.preview.track_listing import TrackRow, TracksSummary, list_tracks

__all__ = [
    "FrameDebugSummary",
    "PreviewSummary",
    "TrackRow",
    "TracksSummary",
    "list_tracks",
    "write_frame_debug",
    "write_preview",
]
