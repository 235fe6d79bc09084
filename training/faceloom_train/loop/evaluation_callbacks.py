"""Judge a run while it trains: the figures, the best checkpoint, and whether more steps still help."""

import logging
from collections.abc import Sequence

from faceloom.errors import NoFaceFound
from faceloom.faceset import FaceSet
from faceloom.progress import Progress, ProgressCallback
from faceloom_train.config.schema import TrainConfig
from faceloom_train.evaluation.evaluator import OWN, Evaluator, Judgement, mean_score
from faceloom_train.evaluation.footage_advice import advise_footage
from faceloom_train.evaluation.metric_history import columns_by_subject
from faceloom_train.evaluation.plateau import Outlook, Trend, outlook_of
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.reporting.events import Advised, Judged
from faceloom_train.reporting.tensorboard import Tensorboard
from faceloom_train.runs.checkpoint import has_checkpoint, mark_best, read_best, save_checkpoint
from faceloom_train.runs.run_directory import Row, Run

log = logging.getLogger(__name__)


class Evaluate:
    """Judges the held-out faces every `evaluate_every` steps and at the end; marks the best checkpoint."""

    def __init__(self, run: Run, report: ProgressCallback, board: Tensorboard | None = None):
        self._run, self._report, self._board = run, report, board
        self._evaluator = (
            Evaluator(run) if run.settings.evaluate_every and run.settings.held_out else None
        )

    def is_due(self, number: int) -> bool:
        """Say whether it is time."""
        return self._evaluator is not None and is_judged(self._run.settings, number)

    def after_step(self, model: SwapModel, number: int, *, due: bool) -> None:
        """Judge when it is time."""
        if self._evaluator is None or not due:
            return
        try:
            found = self._judge(self._evaluator, model)
        except NoFaceFound as error:
            # Hours of training must not end because a face detector finds nothing.
            log.warning("Step %d was not judged: %s", number, error)
            return
        for judgment in found:
            self._run.log({"step": number, **judgment.to_row()})
            self._write(number, judgment)
        said = "; ".join(judgment.to_text() for judgment in found)
        self._report(
            Judged("evaluate", len(found), len(found), said, step=number, judgments=tuple(found))
        )
        score = mean_score(found)
        if score is not None:
            self._mark(number, score)

    def _judge(self, evaluator: Evaluator, model: SwapModel) -> list[Judgement]:
        found: list[Judgement] = []
        self._report(Progress("evaluate", 0, evaluator.count))
        for judgment in evaluator.evaluate(model):
            found.append(judgment)
            if len(found) < evaluator.count:
                self._report(Progress("evaluate", len(found), evaluator.count))
        return found

    def _write(self, step: int, judgment: Judgement) -> None:
        if self._board:
            values = {
                f"{judgment.subject}/{name}": v
                for name, v in judgment.values().items()
                if v is not None
            }
            self._board.write_values(step, values)

    def _mark(self, step: int, score: float) -> None:
        """Mark this step's checkpoint, if there is one and none was better."""
        if self._board:
            self._board.write_values(step, {"score": score})
        best = read_best(self._run)
        if has_checkpoint(self._run, step) and (best is None or score > best.figures["score"]):
            mark_best(self._run, step, {"score": score})


class WatchPlateau:
    """Says once whether more steps still help, and what would; ends the run if it is to end on a plateau."""

    def __init__(self, run: Run, report: ProgressCallback):
        self._run, self._report = run, report

    def is_due(self, number: int) -> bool:
        """Say whether there has been an evaluation."""
        return is_judged(self._run.settings, number)

    def after_step(self, model: SwapModel, number: int, *, due: bool) -> None:
        """Look at the evaluations after each of them."""
        settings = self._run.settings
        if not due:
            return
        rows = self._run.rows()
        outlook = outlook_of(rows, settings)
        before = next((row["plateau"] for row in reversed(rows) if "plateau" in row), Trend.rising)
        if outlook.trend in (Trend.rising, Trend.flat, Trend.falling) and outlook.trend != before:
            said = self._said(outlook, rows)
            self._run.log({"step": number, "plateau": outlook.trend, "said": said})
            self._report(Advised("plateau", number, settings.steps, said))
        if outlook.is_over and settings.stop_on_plateau:
            if not has_checkpoint(self._run, number):
                save_checkpoint(model, self._run, number)
            model.stop_training = True

    def _said(self, outlook: Outlook, rows: Sequence[Row]) -> str:
        said = outlook.to_text()
        if not outlook.is_over:
            return said
        best = read_best(self._run)
        if outlook.trend is Trend.falling and best is not None:
            said += f" (the checkpoint of step {best.step} is kept)"
        sets = {name: FaceSet.read(path) for name, path in self._run.faces.items()}
        redrawn = columns_by_subject(rows, OWN, "ssim")
        newest = {name: float(column.values[-1]) for name, column in redrawn.items()}
        return f"{said}; {advise_footage(sets, newest)}"


def is_judged(settings: TrainConfig, step: int) -> bool:
    """Say whether the held-out faces are judged after a step."""
    every = settings.evaluate_every
    return every > 0 and settings.held_out > 0 and (step % every == 0 or step == settings.steps)
