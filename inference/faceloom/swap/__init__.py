"""The swap: a bundle's network, or one pasted still, run over a video's faces."""

from faceloom.swap.bundle import Bundle
from faceloom.swap.cast import Cast
from faceloom.swap.convert import ConvertOptions, ConvertSummary, convert
from faceloom.swap.memory import Memory
from faceloom.swap.network import SwapNetwork
from faceloom.swap.options import SwapOptions
from faceloom.swap.paste import PastedStill, convert_by_paste
from faceloom.swap.several import convert_several, open_cast
from faceloom.swap.source import FaceSource
from faceloom.swap.swapper import FrameSwapper

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
