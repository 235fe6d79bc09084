"""Evaluate a run on its validation faces, and assess whether more steps help.

May import `faceloom` and, of `faceloom_train`, runs, model, data and config.
"""

from faceloom_train.evaluation.evaluator import (
    RECONSTRUCTION,
    SWAP,
    SWAP_METRICS,
    EvaluationResult,
    Evaluator,
    Reconstruction,
    SwapEvaluation,
    mean_score,
)
from faceloom_train.evaluation.metric_history import MetricSeries, series_by_subject, step_series
from faceloom_train.evaluation.plateau import Trend, TrendAssessment, assess_trend, current_advice

__all__ = [
    "RECONSTRUCTION",
    "SWAP",
    "SWAP_METRICS",
    "EvaluationResult",
    "Evaluator",
    "MetricSeries",
    "Reconstruction",
    "SwapEvaluation",
    "Trend",
    "TrendAssessment",
    "assess_trend",
    "current_advice",
    "mean_score",
    "series_by_subject",
    "step_series",
]
