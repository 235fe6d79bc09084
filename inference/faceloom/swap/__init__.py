"""The swap: a bundle's network, or one pasted still, run over a video's faces."""

from faceloom.swap.bundle.bundle import Bundle
from faceloom.swap.inference.swap_network import SwapNetwork
from faceloom.swap.options import SwapOptions
from faceloom.swap.pipeline.convert import ConvertOptions, ConvertSummary, convert
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.swap.pipeline.multi_identity import convert_several, open_cast
from faceloom.swap.pipeline.paste_baseline import PastedStill, convert_by_paste
from faceloom.swap.selection.track_state import Memory
from faceloom.swap.sources.face_source import FaceSource
from faceloom.swap.sources.identity_map import Cast

__all__ = [
    "Bundle",
    "Cast",
    "ConvertOptions",
    "ConvertSummary",
    "FaceSource",
    "FrameSwapper",
    "Memory",
    "PastedStill",
    "SwapNetwork",
    "SwapOptions",
    "convert",
    "convert_by_paste",
    "convert_several",
    "open_cast",
]
