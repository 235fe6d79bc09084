"""When steps are looked at, and what is done after them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from faceloom_train.loop.callbacks import BetweenSteps
from faceloom_train.loop.hooks import Step
from faceloom_train.model.train_step import TOLD

MODEL = SimpleNamespace(stop_training=False, means={"loss": None})


class Recorder:
    """A watcher, and an action that is due after some steps."""

    def __init__(self, due: set[int]):
        self.due = due
        self.told: list[tuple[str, int]] = []
        self.steps: list[Step] = []

    def watch(self, step: Step) -> None:
        self.told.append(("watched", step.number))
        self.steps.append(step)

    def is_due(self, number: int) -> bool:
        return number in self.due

    def after_step(self, model: Any, number: int, *, due: bool) -> None:
        assert due == self.is_due(number)
        self.told.append(("acted", number))


@pytest.mark.parametrize(
    ("due", "told"),
    [
        pytest.param(
            set(),
            [("watched", 11), ("watched", 12)],
            id="a step is looked at after the next one has begun",
        ),
        pytest.param(
            {12},
            [("watched", 11), ("watched", 12), ("acted", 12)],
            id="and before anything is done with the model after it",
        ),
        pytest.param(
            {11, 13},
            [(w, n) for n in (11, 12, 13) for w in ("watched", "acted") if (w, n) != ("acted", 12)],
        ),
    ],
)
def test_steps_are_looked_at_late_but_before_what_is_done_after_them(
    due: set[int], told: list[tuple[str, int]]
) -> None:
    recorder = Recorder(due)
    between = BetweenSteps(10, 7, [recorder], [recorder])
    between.set_model(MODEL)
    for batch in range(3):
        between.on_train_batch_end(batch, {TOLD: np.array([1, 8 + batch, 0.1])})
    assert recorder.told == told


def test_workers_look_at_a_step_at_once() -> None:
    """One that is due to do something must not give a run up before the others have seen why."""
    for due in (set(), {1}):
        recorder = Recorder(due)
        between = BetweenSteps(0, 0, [recorder], [recorder], agree=lambda says: says)
        between.set_model(MODEL)
        between.on_train_batch_end(0, {TOLD: np.array([1, 1, 0.1])})
        assert recorder.told[0] == ("watched", 1)


def test_a_step_without_an_update_is_a_skipped_one() -> None:
    recorder = Recorder({3})
    between = BetweenSteps(0, 7, [recorder], [recorder])
    between.set_model(MODEL)
    for batch, updates in enumerate((8, 8, 9)):
        between.on_train_batch_end(batch, {TOLD: np.array([0.5 * batch, updates, 0.1 * updates])})
    assert [(s.values["loss"], s.rate, s.skipped) for s in recorder.steps] == [
        (0.0, 0.1 * 8, False),
        (0.5, 0.1 * 8, True),
        (1.0, 0.1 * 9, False),
    ]
    assert sorted(step.ended for step in recorder.steps) == [step.ended for step in recorder.steps]


def test_the_model_is_asked_for_only_when_something_is_due() -> None:
    """JAX brings all weights of the step then."""
    asked = []

    class Asked(BetweenSteps):
        @property
        def model(self) -> Any:
            asked.append(True)
            return self._model

    recorder = Recorder({3})
    between = Asked(0, 0, [recorder], [recorder])
    between.set_model(MODEL)
    for batch in range(4):
        between.on_train_batch_end(batch, {TOLD: np.array([1, batch + 1, 0.1])})
    assert len(asked) == 1
