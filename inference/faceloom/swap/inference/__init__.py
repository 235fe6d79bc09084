"""Run a bundle's graph with onnxruntime.

Holds the choice of provider and graph, the session, device buffers and the tuned batch size.
Imports `faceloom.swap.bundle` and the protocols of `faceloom.swap.sources`.
"""

from faceloom.swap.inference.batch_tuning import DEFAULT_BATCH, TunedBatch, tuned_batch_size
from faceloom.swap.inference.providers import PROVIDERS, open_session
from faceloom.swap.inference.swap_network import SwapNetwork

__all__ = [
    "DEFAULT_BATCH",
    "PROVIDERS",
    "SwapNetwork",
    "TunedBatch",
    "open_session",
    "tuned_batch_size",
]
