"""Notice that a run has gone wrong: steps that are no number, or a loss that jumped up and stays there."""

import math

# Steps in a row without a finite loss and gradient. Scaling the loss for float16 passes over steps until the scale
# fits: it begins at 2^15 and halves.
_BAD, _BAD_WHEN_SCALED = 5, 40
# The loss is compared with its mean over about so many steps, from when there were as many.
_MEMORY = 100
# Collapsed: so many times the mean, for so many steps in a row.
_TIMES, _STEPS = 3.0, 50


class DivergedError(Exception):
    """The run must not go on from here. The message is the half of a sentence that says why."""

    def __init__(self, reason: str, step: int):
        super().__init__(reason)
        self.reason, self.step = reason, step


class LossGuard:
    """Watches the loss of each step."""

    def __init__(self, *, scaled: bool):
        self._limit = _BAD_WHEN_SCALED if scaled else _BAD
        self._bad = self._high = self._seen = 0
        self._mean = 0.0

    @property
    def doubtful(self) -> bool:
        """Whether the latest loss was no number or out of line: a bad moment to save."""
        return self._bad + self._high > 0

    def watch(self, step: int, loss: float, *, skipped: bool) -> None:
        """Take the loss of a step in; raise DivergedError when it is time to go back."""
        if skipped or not math.isfinite(loss):
            self._bad += 1
            if self._bad >= self._limit:
                raise DivergedError(f"{self._bad} steps in a row gave no number", step)
            return
        self._bad = 0
        if self._seen >= _MEMORY and loss > _TIMES * self._mean:
            self._high += 1
            if self._high >= _STEPS:
                raise DivergedError(
                    f"the loss was over {_TIMES:g} times its mean for {_STEPS} steps", step
                )
            return
        self._high = 0
        self._seen += 1
        self._mean += (loss - self._mean) / min(self._seen, _MEMORY)
