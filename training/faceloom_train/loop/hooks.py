"""What is done beside the steps of a run.

A step's values are looked at while the next one is computed, so that a GPU need not wait for whoever looks. The model
is asked for only after the steps after which something is done with it: JAX keeps its weights to itself until then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from faceloom_train.model.swap_model import SwapModel


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was made. number: batches seen since the run began. ended: by the monotonic clock.

    values: the loss and its parts, of this step alone. rate: the learning rate of the next. skipped: the optimizer
    found gradients that are no numbers and left the weights as they were.
    """

    number: int
    ended: float
    values: Mapping[str, float]
    rate: float
    skipped: bool


class Watcher(Protocol):
    """Looks at the values of every step, before anything is done with the model after it, and at most a step late.

    With several workers it is never late.
    """

    def watch(self, step: Step) -> None:
        """Look."""


class Action(Protocol):
    """Does something with the model after some steps. If it is due for one action, all are asked to act."""

    def is_due(self, number: int) -> bool:
        """Say whether the model is needed after step `number`; asked once for each."""

    def after_step(self, model: SwapModel, number: int, *, due: bool) -> None:
        """Do what is to be done after step `number`. due: what was answered."""
