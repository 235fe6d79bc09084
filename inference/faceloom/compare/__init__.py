"""Measure how good a swap is, with metrics that a blurred face cannot win.

May import `swap`, `faceset`, `faces`, `video` and what is below them; nothing of `review`.
"""

from faceloom.compare.compare import (
    ClipVersions,
    DetailedComparison,
    compare,
    compare_frames,
    is_compared,
    load_identity_references,
    read_synchronized_frames,
)
from faceloom.compare.comparison_file import ComparisonFile, read_comparison, write_comparison
from faceloom.compare.html_report import worst_frames, write_report
from faceloom.compare.metrics import METRICS_BY_NAME, Metric
from faceloom.compare.result import SWAP, TARGET, TRUTH, Comparison, Version
from faceloom.compare.score import COMPONENT_WEIGHTS, FACTORS, Score, compute_score
from faceloom.compare.score_words import Grade, ScoreWords, describe_score, words_of_swap

__all__ = [
    "COMPONENT_WEIGHTS",
    "FACTORS",
    "METRICS_BY_NAME",
    "SWAP",
    "TARGET",
    "TRUTH",
    "ClipVersions",
    "Comparison",
    "ComparisonFile",
    "DetailedComparison",
    "Grade",
    "Metric",
    "Score",
    "ScoreWords",
    "Version",
    "compare",
    "compare_frames",
    "compute_score",
    "describe_score",
    "is_compared",
    "load_identity_references",
    "read_comparison",
    "read_synchronized_frames",
    "words_of_swap",
    "worst_frames",
    "write_comparison",
    "write_report",
]
