"""Detect that training diverges: steps without finite values, or a loss that stays high."""

import math

# Consecutive non-finite steps after which training is stopped.
_MAX_BAD_STEPS = 5
# The same with loss scaling (float16), which skips steps until the scale fits: it starts at 2^15
# and is halved each time.
_MAX_BAD_STEPS_SCALED = 40
# Steps over which the mean loss is computed; before as many have passed, no loss is too high.
_MEAN_STEPS = 100
# A loss is too high if it is more than so many times the mean.
_HIGH_FACTOR = 3.0
# Consecutive high losses after which training is stopped.
_MAX_HIGH_STEPS = 50


class DivergedError(Exception):
    """Training diverged. `str(error)` completes "Training stopped because ..."."""

    def __init__(self, reason: str, step: int):
        """Describe the divergence.

        Args:
            reason: The end of a sentence that starts with "Training stopped because".
            step: The step at which it was detected.
        """
        super().__init__(reason)
        self.reason = reason
        self.step = step


class DivergenceDetector:
    """Checks the loss of each step."""

    def __init__(self, *, loss_scaling: bool):
        """Start without any step.

        Args:
            loss_scaling: Whether the optimizer scales the loss (float16).
        """
        self._max_bad_steps = _MAX_BAD_STEPS_SCALED if loss_scaling else _MAX_BAD_STEPS
        self._bad_steps = 0
        self._high_steps = 0
        self._good_steps = 0
        self._mean = 0.0

    @property
    def is_suspicious(self) -> bool:
        """Whether the latest loss was not finite or too high: no checkpoint should be saved."""
        return self._bad_steps + self._high_steps > 0

    def check(self, step: int, loss: float, *, skipped: bool) -> None:
        """Check the loss of a step.

        Args:
            step: The step's number.
            loss: Its loss.
            skipped: Whether the optimizer skipped it because of non-finite gradients.

        Raises:
            DivergedError: Training should be stopped.
        """
        if skipped or not math.isfinite(loss):
            self._bad_steps += 1
            if self._bad_steps >= self._max_bad_steps:
                raise DivergedError(
                    f"{self._bad_steps} consecutive steps had non-finite values", step
                )
            return
        self._bad_steps = 0
        if self._good_steps >= _MEAN_STEPS and loss > _HIGH_FACTOR * self._mean:
            self._high_steps += 1
            if self._high_steps >= _MAX_HIGH_STEPS:
                raise DivergedError(
                    f"the loss was more than {_HIGH_FACTOR:g} times its mean for "
                    f"{_MAX_HIGH_STEPS} steps",
                    step,
                )
            return
        self._high_steps = 0
        self._good_steps += 1
        self._mean += (loss - self._mean) / min(self._good_steps, _MEAN_STEPS)
