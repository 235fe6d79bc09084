"""Train as a worker other than the first: compute a part of each step, keep and decide nothing."""

import gc
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from faceloom.errors import UsageError
from faceloom.faceset import FaceSet
from faceloom.progress import Progress, ProgressCallback
from faceloom_train.data.dataset import TrainingFaces, load_faces
from faceloom_train.distributed.handshake import SharedConfig, receive_config
from faceloom_train.distributed.strategy import DeviceStrategy
from faceloom_train.loop.callbacks import StopHook
from faceloom_train.loop.divergence import DivergedError, DivergenceDetector
from faceloom_train.loop.fit_steps import fit_steps
from faceloom_train.loop.initial_state import broadcast_initial_state
from faceloom_train.loop.memory_budget import choose_micro_batch
from faceloom_train.loop.recovery import check_worker_error
from faceloom_train.loop.step_observers import DivergenceObserver
from faceloom_train.model.model_builder import build_model, compile_model, dtype_policy
from faceloom_train.reporting.events import StepMetrics
from faceloom_train.runs.run_directory import Run


@dataclass(frozen=True, slots=True)
class WorkerSummary:
    """The result of one call of `train_as_worker`."""

    step: int
    """The step that the run has reached."""
    total: int
    """Steps of the whole run."""
    steps_completed: int
    """Steps that this call took part in."""


def local_face_sets(run: Path, faces: Mapping[str, Path]) -> dict[str, Path]:
    """Return the face sets on this machine.

    Args:
        run: The run's folder, which may be on another machine.
        faces: The face set of each identity that the user names; empty: those of the run.

    Raises:
        UsageError: None are named, and the run is not on this machine.
    """
    if faces:
        return {name: path.resolve() for name, path in faces.items()}
    if not Run.exists(run):
        raise UsageError(
            f"{run} is not a run on this machine, so this worker does not know which faces to "
            "train on; add --faces NAME=FACESET for each identity, as on the first machine."
        )
    return dict(Run.read(run).faces)


def train_as_worker(
    faces: Mapping[str, Path],
    strategy: DeviceStrategy,
    report: ProgressCallback = lambda _: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> WorkerSummary:
    """Take part in the first worker's run until it ends.

    Args:
        faces: Face set of each identity on this machine.
        strategy: The devices.
        report: Receives progress.
        stop_requested: Called after each step; if it returns True, all workers stop.

    Raises:
        UsageError: The face sets or the version differ from the first worker's.
        PartlyDone: Another worker is lost, or this one ran out of memory.
    """
    session = _WorkerSession(faces, strategy, report, stop_requested)
    steps_completed = 0
    while True:
        try:
            config = receive_config(strategy, faces)
            steps = session.train(config)
        except DivergedError:
            # The first worker goes back to its last checkpoint and broadcasts again.
            gc.collect()
        except Exception as error:
            check_worker_error(error, strategy, session.micro_batch_size)
            raise
        else:
            steps_completed += steps
            return WorkerSummary(session.step, config.settings.steps, steps_completed)


class _WorkerSession:
    """The loaded faces, and the progress of training; observes the steps."""

    def __init__(
        self,
        faces: Mapping[str, Path],
        strategy: DeviceStrategy,
        report: ProgressCallback,
        stop_requested: Callable[[], bool],
    ):
        self._face_sets = faces
        self._strategy = strategy
        self._report = report
        self._stop_requested = stop_requested
        self._faces: list[TrainingFaces] = []
        self._total_steps = 0
        self.micro_batch_size = 0
        self.step = 0

    def train(self, config: SharedConfig) -> int:
        """Train with the first worker's configuration; return the number of steps."""
        settings = config.settings
        self._total_steps = settings.steps
        with dtype_policy(settings.precision):
            self._faces = self._faces or [
                load_faces(FaceSet.read(path), settings, self._report)
                for path in self._face_sets.values()
            ]
            with self._strategy.scope():
                model = build_model(settings, list(config.face_sets))
                self.micro_batch_size = choose_micro_batch(model, self._strategy, self._report)
                faces = self._strategy.faces_per_device(settings)
                compile_model(model, faces // self.micro_batch_size)
            steps = broadcast_initial_state(model, self._strategy, range(0))
            self.step = steps.start
            if steps:
                loss_scaling = settings.precision == "mixed_float16"
                divergence = DivergenceObserver(DivergenceDetector(loss_scaling=loss_scaling))
                stop = StopHook(self._stop_requested, math.inf)
                fit_steps(model, self._faces, steps, self._strategy, (divergence, self), (stop,))
        return self.step - steps.start

    def observe(self, metrics: StepMetrics) -> None:
        """Report a step."""
        self.step = metrics.step
        note = f"loss {metrics.losses['loss']:.3f}"
        self._report(Progress("train", metrics.step, self._total_steps, note))
