"""The hooks that evaluate a run while it trains, and stop it on a plateau."""

import logging
from collections.abc import Sequence

from faceloom.errors import NoFaceFound
from faceloom.faceset import FaceSet
from faceloom.progress import Progress, ProgressCallback
from faceloom_train.config.schema import TrainConfig
from faceloom_train.evaluation.evaluator import (
    RECONSTRUCTION,
    SWAP,
    EvaluationResult,
    Evaluator,
    mean_score,
)
from faceloom_train.evaluation.footage_advice import advise_footage
from faceloom_train.evaluation.metric_history import series_by_subject
from faceloom_train.evaluation.plateau import Trend, TrendAssessment, assess_trend
from faceloom_train.loop.hooks import ModelHook
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.reporting.events import EvaluationCompleted, TrendChanged
from faceloom_train.reporting.tensorboard import TensorBoardWriter
from faceloom_train.runs.checkpoint import has_checkpoint, mark_best, read_best, save_checkpoint
from faceloom_train.runs.run_directory import Row, Run

log = logging.getLogger(__name__)


class EvaluationHook:
    """Evaluates every `evaluate_every` steps and when training ends; marks the best checkpoint."""

    def __init__(
        self, run: Run, report: ProgressCallback, tensorboard: TensorBoardWriter | None = None
    ):
        """Read the validation faces.

        Args:
            run: The run.
            report: Receives progress and an EvaluationCompleted event for each evaluation.
            tensorboard: Also receives the metrics.

        Raises:
            ArtifactRefused: A face set cannot be read.
        """
        self._run = run
        self._report = report
        self._tensorboard = tensorboard
        settings = run.settings
        is_enabled = settings.evaluate_every and settings.validation_faces
        self._evaluator = Evaluator(run) if is_enabled else None

    def is_due(self, step: int) -> bool:
        """Return whether an evaluation is due.

        Args:
            step: The number of the completed step.
        """
        return self._evaluator is not None and is_evaluation_due(self._run.settings, step)

    def after_step(self, model: SwapModel, step: int, *, due: bool) -> None:
        """Evaluate the model if it is due or if training ends.

        Args:
            model: The model.
            step: The number of the completed step.
            due: What `is_due` returned.
        """
        if self._evaluator is None or not (due or model.stop_training):
            return
        try:
            results = self._evaluate(self._evaluator, model)
        except NoFaceFound as error:
            # Training must not end because the face detector finds no face.
            log.warning("Step %d was not evaluated: %s", step, error)
            return
        score = mean_score(results)
        if score is not None:
            self._mark_if_best(step, score)
        # Last, and in one write: a run that is killed before it has no row and evaluates again.
        self._run.log_metrics(*({"step": step, **result.to_row()} for result in results))
        for result in results:
            self._write_scalars(step, result)
        note = "; ".join(result.to_text() for result in results)
        count = len(results)
        self._report(
            EvaluationCompleted("evaluate", count, count, note, step=step, results=tuple(results))
        )

    def _evaluate(self, evaluator: Evaluator, model: SwapModel) -> list[EvaluationResult]:
        results: list[EvaluationResult] = []
        self._report(Progress("evaluate", 0, evaluator.count))
        for result in evaluator.evaluate(model):
            results.append(result)
            if len(results) < evaluator.count:
                self._report(Progress("evaluate", len(results), evaluator.count))
        return results

    def _write_scalars(self, step: int, result: EvaluationResult) -> None:
        if self._tensorboard:
            values = {
                f"{result.subject}/{name}": value
                for name, value in result.values().items()
                if value is not None
            }
            self._tensorboard.write_scalars(step, values)

    def _mark_if_best(self, step: int, score: float) -> None:
        """Mark the checkpoint of a step, if there is one, as the best if its score is highest."""
        if self._tensorboard:
            self._tensorboard.write_scalars(step, {"score": score})
        best = read_best(self._run)
        is_best = best is None or score > best.metrics["score"]
        if is_best and has_checkpoint(self._run, step):
            mark_best(self._run, step, {"score": score})


class PlateauHook:
    """Reports when the trend of the evaluations changes; stops the run if `stop_on_plateau`."""

    def __init__(self, run: Run, report: ProgressCallback):
        """Prepare the assessment.

        Args:
            run: The run.
            report: Receives a TrendChanged event for each change.
        """
        self._run = run
        self._report = report

    def is_due(self, step: int) -> bool:
        """Return whether the step was evaluated.

        Args:
            step: The number of the completed step.
        """
        return is_evaluation_due(self._run.settings, step)

    def after_step(self, model: SwapModel, step: int, *, due: bool) -> None:
        """Assess the trend if the step was evaluated.

        Args:
            model: The model.
            step: The number of the completed step.
            due: What `is_due` returned.
        """
        if not due:
            return
        settings = self._run.settings
        rows = self._run.read_metrics()
        assessment = assess_trend(rows, settings)
        if _is_worth_reporting(assessment.trend, rows):
            advice = self._advice(assessment, rows)
            self._run.log_event("trend", step, trend=assessment.trend, advice=advice)
            self._report(TrendChanged("plateau", step, settings.steps, advice))
        if assessment.is_over and settings.stop_on_plateau:
            if not has_checkpoint(self._run, step):
                save_checkpoint(model, self._run, step)
            model.stop_training = True

    def _advice(self, assessment: TrendAssessment, rows: Sequence[Row]) -> str:
        """Return the assessment as text and, on a plateau, which footage would help."""
        text = assessment.to_text()
        if not assessment.is_over:
            return text
        best = read_best(self._run)
        if assessment.trend is Trend.falling and best is not None:
            text += f" (the checkpoint of step {best.step} is kept)"
        sets = {name: FaceSet.read(path) for name, path in self._run.faces.items()}
        ssim = series_by_subject(rows, RECONSTRUCTION, "ssim")
        newest = {name: float(series.values[-1]) for name, series in ssim.items()}
        return f"{text}; {advise_footage(sets, newest)}"


def repeat_lost_evaluation(
    run: Run, model: SwapModel, step: int, hooks: Sequence[ModelHook]
) -> None:
    """Evaluate a restored checkpoint if the run was killed before it was evaluated.

    Args:
        run: The run.
        model: The model with the state of the checkpoint.
        step: The checkpoint's step.
        hooks: The hooks of the run; those that evaluate are called.
    """
    rows = (row for row in run.read_metrics() if row["step"] == step)
    is_evaluated = any(SWAP in row or RECONSTRUCTION in row for row in rows)
    if is_evaluated or not is_evaluation_due(run.settings, step):
        return
    for hook in hooks:
        if isinstance(hook, EvaluationHook | PlateauHook):
            hook.after_step(model, step, due=True)


def is_evaluation_due(settings: TrainConfig, step: int) -> bool:
    """Return whether the validation faces are evaluated after a step.

    Args:
        settings: The run's settings.
        step: The number of the completed step.
    """
    every = settings.evaluate_every
    is_enabled = every > 0 and settings.validation_faces > 0
    return is_enabled and (step % every == 0 or step == settings.steps)


def _is_worth_reporting(trend: Trend, rows: Sequence[Row]) -> bool:
    """Return whether a trend is definite and differs from the last reported one."""
    reported = (row["trend"] for row in reversed(rows) if row.get("event") == "trend")
    is_definite = trend in (Trend.rising, Trend.flat, Trend.falling)
    # Runs start by rising; that needs no report.
    return is_definite and trend != next(reported, Trend.rising)
