"""The swap: a bundle's network, or one pasted still, run over a video's faces."""

from faceloom.swap.bundle import Bundle
from faceloom.swap.convert import ConvertOptions, ConvertSummary, FrameSwapper, convert
from faceloom.swap.network import SwapNetwork
from faceloom.swap.paste import PastedStill, convert_by_paste
from faceloom.swap.source import FaceSource

__all__ = [
    "Bundle",
    "ConvertOptions",
    "ConvertSummary",
    "FaceSource",
    "FrameSwapper",
    "PastedStill",
    "SwapNetwork",
    "convert",
    "convert_by_paste",
]
