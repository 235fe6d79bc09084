"""How good a swap is, in figures that blur cannot win."""

from faceloom.compare.compare import Judged, Videos, compare
from faceloom.compare.report import write_report
from faceloom.compare.result import Comparison

__all__ = ["Comparison", "Judged", "Videos", "compare", "write_report"]
