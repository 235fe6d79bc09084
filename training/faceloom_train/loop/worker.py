"""What a worker beside the first does: it computes its share of each step, and neither decides nor keeps anything."""

import gc
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from faceloom.errors import UsageError
from faceloom.faceset import FaceSet
from faceloom.progress import Progress, ProgressCallback
from faceloom_train.data.dataset import TrainingFaces, load_faces
from faceloom_train.distributed.handshake import Plan, hear_plan
from faceloom_train.distributed.strategy import Devices
from faceloom_train.loop.callbacks import StopWhen
from faceloom_train.loop.divergence import DivergedError, LossGuard
from faceloom_train.loop.hooks import Step
from faceloom_train.loop.recovery import refuse_what_workers_cannot
from faceloom_train.loop.step_observers import WatchLoss
from faceloom_train.loop.trainer import compiled_model, divide, dtype_policy, fit, share_start
from faceloom_train.runs.run_directory import Run


@dataclass(frozen=True, slots=True)
class FollowSummary:
    """`step`: how far the run is, of `total`; `steps_made` with this worker's help."""

    step: int
    total: int
    steps_made: int


def faces_here(run: Path, named: Mapping[str, Path]) -> dict[str, Path]:
    """Return the face sets on this machine: those named, or those of the run if its folder is shared.

    Raises UsageError if there are none.
    """
    if named:
        return {name: path.resolve() for name, path in named.items()}
    if not Run.exists(run):
        raise UsageError(
            f"{run} is not on this machine; name this worker's copies of the face sets with --faces."
        )
    return dict(Run.read(run).faces)


def train_along(
    faces: Mapping[str, Path],
    devices: Devices,
    report: ProgressCallback = lambda _: None,
    stop_asked: Callable[[], bool] = lambda: False,
) -> FollowSummary:
    """Help the first worker with its run, until that ends. Ends it when `stop_asked` says so.

    Raises UsageError for face sets that are not the first worker's, PartlyDone if a worker is lost.
    """
    worker, made = _Follower(faces, devices, report, stop_asked), 0
    while True:
        try:
            plan = hear_plan(devices, faces)
            steps = worker.follow(plan)
        except DivergedError:
            # The first worker goes back to its last checkpoint and tells from where to go on.
            gc.collect()
        except Exception as error:
            refuse_what_workers_cannot(error, devices, worker.faces_at_once)
            raise
        else:
            made += steps
            return FollowSummary(worker.step, plan.settings.steps, made)


class _Follower:
    """The faces and what has been made of them."""

    def __init__(
        self,
        faces: Mapping[str, Path],
        devices: Devices,
        report: ProgressCallback,
        stop_asked: Callable[[], bool],
    ):
        self._paths, self._devices, self._report, self._asked = faces, devices, report, stop_asked
        self._faces: list[TrainingFaces] = []
        self.faces_at_once = self.step = self._total = 0

    def follow(self, plan: Plan) -> int:
        """Make the steps of a plan; return how many these were."""
        settings = plan.settings
        with dtype_policy(settings.precision):
            self._faces = self._faces or [
                load_faces(FaceSet.read(path), settings) for path in self._paths.values()
            ]
            with self._devices.scope():
                model = compiled_model(settings, list(plan.faces))
            steps = share_start(model, self._devices, range(0))
            self.step = steps.start
            if steps:
                self.faces_at_once = divide(model, self._devices, self._report)
                guard = LossGuard(scaled=settings.precision == "mixed_float16")
                self._total = settings.steps
                ended = StopWhen(self._asked, math.inf)
                fit(model, self._faces, steps, self._devices, (WatchLoss(guard), self), (ended,))
        return self.step - steps.start

    def watch(self, step: Step) -> None:
        """Say how far it is."""
        self.step = step.number
        self._report(Progress("train", step.number, self._total, f"loss {step.values['loss']:.3f}"))
