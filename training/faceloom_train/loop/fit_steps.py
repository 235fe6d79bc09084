"""Run Keras' `fit` for a range of steps."""

from collections.abc import Sequence

from keras import ops

from faceloom_train.data.batch_packing import pack_batches
from faceloom_train.data.dataset import TrainingFaces, make_dataset
from faceloom_train.distributed.strategy import DeviceStrategy
from faceloom_train.keras_compat import LazyCallbackList
from faceloom_train.loop.callbacks import StepCallback
from faceloom_train.loop.hooks import ModelHook, StepObserver
from faceloom_train.model.swap_model import SwapModel


def fit_steps(
    model: SwapModel,
    faces: Sequence[TrainingFaces],
    steps: range,
    strategy: DeviceStrategy,
    observers: Sequence[StepObserver],
    hooks: Sequence[ModelHook],
) -> None:
    """Train a model.

    Afterwards, the model has its averaged weights (EMA), as Keras' `fit` leaves it.

    Args:
        model: The compiled model.
        faces: The training faces of each identity.
        steps: The steps to train; each has its own batch.
        strategy: The devices.
        observers: Called after each step.
        hooks: Called after steps for which one is due.

    Raises:
        DivergedError: An observer detected divergence.
    """
    batches = pack_batches(
        make_dataset(faces, model.config, steps.start, steps.stop), model.batch_layout
    )
    updates = int(ops.convert_to_numpy(model.optimizer.iterations))
    callback = StepCallback(steps.start, updates, observers, hooks, strategy.any_worker)
    with strategy.fit_scope():
        model.fit(
            strategy.distribute(batches),
            epochs=1,
            steps_per_epoch=len(steps),
            verbose=0,
            shuffle=False,
            callbacks=LazyCallbackList([callback], add_history=True, model=model),
        )
