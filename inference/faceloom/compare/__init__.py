"""How good a swap is, in figures."""

from faceloom.compare.truth import Comparison, Figures, compare_to_truth

__all__ = ["Comparison", "Figures", "compare_to_truth"]
