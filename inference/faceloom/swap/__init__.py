"""The swap: a bundle's network run over a video's faces."""

from faceloom.swap.bundle import Bundle
from faceloom.swap.convert import ConvertOptions, ConvertSummary, convert
from faceloom.swap.network import SwapNetwork

__all__ = ["Bundle", "ConvertOptions", "ConvertSummary", "SwapNetwork", "convert"]
