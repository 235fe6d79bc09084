"""The swap: put the face of a bundle, or of one still, into the faces of a target.

May import the packages of faces, face sets, video and provenance; commands, benchmarks and
reports build on it.
"""

from faceloom.swap.bundle.bundle import Bundle
from faceloom.swap.inference.swap_network import SwapNetwork
from faceloom.swap.options import ConvertOptions, Section, SwapOptions
from faceloom.swap.pipeline.convert import ConvertSummary, convert, convert_request
from faceloom.swap.pipeline.estimate import ConvertEstimate, estimate_conversion
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.swap.pipeline.swap_request import SwapRequest
from faceloom.swap.pipeline.swap_source import Assignment, SwapSource
from faceloom.swap.sources.face_source import FaceSource
from faceloom.swap.sources.identity_map import IdentityMap
from faceloom.swap.sources.pasted_still import PastedStill

__all__ = [
    "Assignment",
    "Bundle",
    "ConvertEstimate",
    "ConvertOptions",
    "ConvertSummary",
    "FaceSource",
    "FrameSwapper",
    "IdentityMap",
    "PastedStill",
    "Section",
    "SwapNetwork",
    "SwapOptions",
    "SwapRequest",
    "SwapSource",
    "convert",
    "convert_request",
    "estimate_conversion",
]
