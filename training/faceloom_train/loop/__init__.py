"""The training loop: sessions, callbacks, recovery from failures, and workers.

May import `faceloom` and all of `faceloom_train` but `cli`.
"""

from faceloom_train.loop.summary import result_text, summary_text
from faceloom_train.loop.trainer import TrainingSummary, train
from faceloom_train.loop.worker import WorkerSummary, local_face_sets, train_as_worker

__all__ = [
    "TrainingSummary",
    "WorkerSummary",
    "local_face_sets",
    "result_text",
    "summary_text",
    "train",
    "train_as_worker",
]
