"""Show and report a run: terminal dashboard, preview sheets, HTML report, TensorBoard files.

May import `faceloom` and, of `faceloom_train`, evaluation, runs, model, data, augmentation and
config.
"""

from faceloom_train.reporting.events import (
    CheckpointSaved,
    EvaluationCompleted,
    PreviewWritten,
    StepCompleted,
    StepMetrics,
    TrendChanged,
)
from faceloom_train.reporting.html_report import write_report
from faceloom_train.reporting.previews import write_examples, write_preview
from faceloom_train.reporting.progress_display import training_display
from faceloom_train.reporting.tensorboard import TensorBoardWriter

__all__ = [
    "CheckpointSaved",
    "EvaluationCompleted",
    "PreviewWritten",
    "StepCompleted",
    "StepMetrics",
    "TensorBoardWriter",
    "TrendChanged",
    "training_display",
    "write_examples",
    "write_preview",
    "write_report",
]
