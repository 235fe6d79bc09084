"""Review face sets before training: coverage, quality, what to add.

May import `swap`, `faceset`, `faces`, `video` and what is below them; nothing of `compare`.
"""

from faceloom.review.coverage_findings import DIRECTION_CHECKS
from faceloom.review.faceset_findings import FACESET_CHECKS
from faceloom.review.faceset_measurement import measure_faceset
from faceloom.review.finding import ReviewFinding, Severity, sort_by_severity
from faceloom.review.judgment import list_directions
from faceloom.review.review import ReviewSummary, review
from faceloom.review.statistics import FaceSetStatistics, SwapDirection

__all__ = [
    "DIRECTION_CHECKS",
    "FACESET_CHECKS",
    "FaceSetStatistics",
    "ReviewFinding",
    "ReviewSummary",
    "Severity",
    "SwapDirection",
    "list_directions",
    "measure_faceset",
    "review",
    "sort_by_severity",
]
