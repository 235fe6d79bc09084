"""What is done after every step of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from faceloom_train.model import SwapModel


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was made. number: batches seen since the run began.

    values: the loss and its parts, of this step alone. skipped: the optimizer found gradients that
    are no numbers and left the weights as they were.
    """

    number: int
    values: Mapping[str, float]
    skipped: bool


class Action(Protocol):
    """Something to do after every step."""

    def after_step(self, model: SwapModel, step: Step) -> None:
        """Do it."""
