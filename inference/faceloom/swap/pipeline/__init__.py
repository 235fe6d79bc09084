"""The conversion itself: analysis, swapping in segments, resuming, several processes,
Ray.

May import everything of `faceloom.swap` but `faceloom.swap.preview`.
"""

from faceloom.swap.pipeline.analysis import DETECT_EVERY, Analysis, SegmentGrid
from faceloom.swap.pipeline.convert import (
    ConvertSummary,
    choose_batch_size,
    convert,
    convert_request,
)
from faceloom.swap.pipeline.face_blending import BlendedFace
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.swap.pipeline.selected_frame import SelectedFrame
from faceloom.swap.pipeline.swap_request import SwapRequest, parse_map_option
from faceloom.swap.pipeline.swap_source import Assignment, SwapSource
from faceloom.swap.pipeline.target import Target

__all__ = [
    "DETECT_EVERY",
    "Analysis",
    "Assignment",
    "BlendedFace",
    "ConvertSummary",
    "FrameSwapper",
    "SegmentGrid",
    "SelectedFrame",
    "SwapRequest",
    "SwapSource",
    "Target",
    "choose_batch_size",
    "convert",
    "convert_request",
    "parse_map_option",
]
