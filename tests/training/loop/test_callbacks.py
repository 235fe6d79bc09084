"""When steps are observed, and when hooks are called."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from faceloom_train.loop.callbacks import StepCallback
from faceloom_train.model.train_step import STEP_OUTPUTS
from faceloom_train.reporting.events import StepMetrics

pytestmark = pytest.mark.training

MODEL = SimpleNamespace(stop_training=False, loss_trackers={"loss": None})


def end_batch(callback: StepCallback, batch: int, outputs: list[float]) -> None:
    """End a batch with loss, updates and learning rate as outputs."""
    callback.on_train_batch_end(batch, {STEP_OUTPUTS: np.array(outputs)})


class Recorder:
    """An observer, and a hook that is due after some steps."""

    def __init__(self, due: set[int]):
        self.due = due
        self.calls: list[tuple[str, int]] = []
        self.metrics: list[StepMetrics] = []

    def observe(self, metrics: StepMetrics) -> None:
        self.calls.append(("observe", metrics.step))
        self.metrics.append(metrics)

    def is_due(self, step: int) -> bool:
        return step in self.due

    def after_step(self, model: Any, step: int, *, due: bool) -> None:
        assert due == self.is_due(step)
        self.calls.append(("after_step", step))


@pytest.mark.parametrize(
    ("due", "calls"),
    [
        pytest.param(
            set(),
            [("observe", 11), ("observe", 12)],
            id="a step is observed after the next one has started",
        ),
        pytest.param(
            {12},
            [("observe", 11), ("observe", 12), ("after_step", 12)],
            id="a step is observed before its hooks",
        ),
        pytest.param(
            {11, 13},
            [
                ("observe", 11),
                ("after_step", 11),
                ("observe", 12),
                ("observe", 13),
                ("after_step", 13),
            ],
            id="hooks are called only if due",
        ),
    ],
)
def test_steps_are_observed_late_but_before_their_hooks(
    due: set[int], calls: list[tuple[str, int]]
) -> None:
    recorder = Recorder(due)
    callback = StepCallback(10, 7, [recorder], [recorder])
    callback.set_model(MODEL)
    for batch in range(3):
        end_batch(callback, batch, [1, 8 + batch, 0.1])
    assert recorder.calls == calls


@pytest.mark.parametrize("due", [set(), {1}])
def test_workers_observe_a_step_immediately(due: set[int]) -> None:
    """All workers must detect divergence after the same step, whether or not a hook is due."""
    recorder = Recorder(due)
    callback = StepCallback(0, 0, [recorder], [recorder], any_worker=lambda value: value)
    callback.set_model(MODEL)
    end_batch(callback, 0, [1, 1, 0.1])
    assert recorder.calls[0] == ("observe", 1)


def test_a_step_without_an_update_is_skipped() -> None:
    recorder = Recorder({3})
    callback = StepCallback(0, 7, [recorder], [recorder])
    callback.set_model(MODEL)
    for batch, updates in enumerate((8, 8, 9)):
        end_batch(callback, batch, [0.5 * batch, updates, 0.1 * updates])
    assert [(m.losses["loss"], m.learning_rate, m.skipped) for m in recorder.metrics] == [
        (0.0, 0.1 * 8, False),
        (0.5, 0.1 * 8, True),
        (1.0, 0.1 * 9, False),
    ]
    times = [metrics.completed_at for metrics in recorder.metrics]
    assert sorted(times) == times


def test_the_model_is_accessed_only_when_a_hook_is_due() -> None:
    """On JAX, each access copies all weights."""
    accesses = []

    class CountingCallback(StepCallback):
        @property
        def model(self) -> Any:
            accesses.append(True)
            return self._model

    recorder = Recorder({3})
    callback = CountingCallback(0, 0, [recorder], [recorder])
    callback.set_model(MODEL)
    for batch in range(4):
        end_batch(callback, batch, [1, batch + 1, 0.1])
    assert len(accesses) == 1
