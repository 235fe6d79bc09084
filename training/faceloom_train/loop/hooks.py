"""The interfaces of what happens between the steps of a run.

The outputs of a step are read while the next one is computed, so that the device need not wait. The
model is accessed only after steps for which a hook is due, because JAX must first copy its weights
back into the model.
"""

from typing import Protocol

from faceloom_train.model.swap_model import SwapModel
from faceloom_train.reporting.events import StepMetrics


class StepObserver(Protocol):
    """Receives the outputs of every step.

    It is called before the hooks of the same step, and at most one step late; with several workers
    it is never late.
    """

    def observe(self, metrics: StepMetrics) -> None:
        """Receive the outputs of a step.

        Args:
            metrics: The outputs.
        """


class ModelHook(Protocol):
    """Uses the model after some steps. If one hook is due after a step, all are called."""

    def is_due(self, step: int) -> bool:
        """Return whether the model is needed after a step; called once for each step.

        Args:
            step: The number of the completed step, from 1.
        """

    def after_step(self, model: SwapModel, step: int, *, due: bool) -> None:
        """Use the model.

        Args:
            model: The model with the weights of this step.
            step: The number of the completed step.
            due: What `is_due` returned.
        """
