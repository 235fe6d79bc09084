"""Evaluations during training give the metrics of `compare`, and do not change training."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.runs import checkpoint_arrays, metrics_rows, simple_config, simple_run

from faceloom.faceset import FaceSet
from faceloom_train.data.dataset import load_faces, validation_rows
from faceloom_train.evaluation import evaluator as evaluator_module
from faceloom_train.evaluation.evaluator import (
    RECONSTRUCTION,
    SWAP,
    SWAP_METRICS,
    Evaluator,
    Reconstruction,
    SwapEvaluation,
    mean_score,
)
from faceloom_train.loop.trainer import train
from faceloom_train.model.model_builder import build_compiled_model
from faceloom_train.model.reconstruction_model import mask_background
from faceloom_train.runs.checkpoint import read_best
from faceloom_train.runs.checkpoint_paths import checkpoints_directory
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training


@pytest.mark.parametrize(("requested", "expected"), [(0, 0), (2, 2), (1000, 2)])
def test_validation_faces_are_not_trained_on(
    facesets: dict[str, Path], requested: int, expected: int
) -> None:
    faces = FaceSet.read(facesets["ada"])
    config = simple_config(validation_faces=requested)
    assert len(validation_rows(faces, config)) == expected
    assert len(load_faces(faces, config).crops) == len(faces) - expected


class _FixedPrediction:
    """Replaces trained networks: predicts the input itself, or always the same picture."""

    def __init__(self, run: Run, picture: np.ndarray | None):
        self.model = build_compiled_model(run.settings, run.identities)
        self.model.optimizer.build(self.model.trainable_variables)
        self.picture = picture
        self.model.networks = self

    def predict(self, rgb: np.ndarray, decoder: int) -> np.ndarray:
        prediction = rgb if self.picture is None else np.broadcast_to(self.picture, rgb.shape)
        return np.concatenate([prediction, np.ones_like(rgb[..., :1])], -1)


def test_a_perfect_reconstruction_is_no_swap_and_keeps_the_expression(
    facesets: dict[str, Path], tmp_path: Path
) -> None:
    run = simple_run(tmp_path / "run", facesets)
    networks = _FixedPrediction(run, None)
    evaluator = Evaluator(run)
    results = list(evaluator.evaluate(networks.model))
    assert len(results) == evaluator.count
    assert [result.subject for result in results] == ["ada", "ben", "ada as ben", "ben as ada"]
    reconstructions, swaps = results[:2], results[2:]
    assert all(abs(swap.identity) < 0.25 for swap in swaps)
    assert all(swap.score < 25 for swap in swaps)
    # Nothing is lost inside the face, in either direction.
    assert all(result.ssim == pytest.approx(1) for result in reconstructions)
    assert all(swap.cycle_ssim == pytest.approx(1) for swap in swaps)


def test_a_pasted_picture_has_the_identity_and_no_expression(
    facesets: dict[str, Path], tmp_path: Path
) -> None:
    run = simple_run(
        tmp_path / "run", facesets, network={**simple_config().network.model_dump(), "size": 96}
    )
    ben = load_faces(FaceSet.read(facesets["ben"]), run.settings).crops[4]
    edge = (len(ben) - 96) // 2
    middle = np.float32(ben[edge : edge + 96, edge : edge + 96]) / 255
    networks = _FixedPrediction(run, np.asarray(mask_background(middle[..., :3], middle[..., 3:4])))
    ada, _, as_ben, _ = Evaluator(run).evaluate(networks.model)
    # The pose differs, but the face is ben's.
    assert as_ben.identity > 0.4
    assert as_ben.expression < 0.5
    # No decoder reconstructs ada.
    assert as_ben.cycle_ssim == pytest.approx(ada.ssim)
    assert ada.ssim < 0.8


def test_a_swap_without_a_detectable_face_scores_zero(
    facesets: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = simple_run(tmp_path / "run", facesets)
    networks = _FixedPrediction(run, None)
    whole = [
        result
        for result in Evaluator(run).evaluate(networks.model)
        if isinstance(result, SwapEvaluation)
    ]
    assert [result.detection_rate for result in whole] == [1, 1]
    # In each direction the second of two faces is replaced by gray.
    swapped, count = evaluator_module.ValidationFace.paste, iter(range(4))
    monkeypatch.setattr(
        evaluator_module.ValidationFace,
        "paste",
        lambda face, *rest: (
            np.full_like(face.image, 128) if next(count) % 2 else swapped(face, *rest)
        ),
    )
    half = [
        result
        for result in Evaluator(run).evaluate(networks.model)
        if isinstance(result, SwapEvaluation)
    ]
    assert [result.detection_rate for result in half] == [0.5, 0.5]
    assert all("50 % of the faces not detected" in result.to_text() for result in half)
    # One face has no motion.
    assert [result.expression for result in half] == [None, None]
    monkeypatch.setattr(
        evaluator_module.ValidationFace, "paste", lambda face, *_: np.full_like(face.image, 128)
    )
    none = [
        result
        for result in Evaluator(run).evaluate(networks.model)
        if isinstance(result, SwapEvaluation)
    ]
    assert [(result.score, result.identity, result.detection_rate) for result in none] == [
        (0, None, 0)
    ] * 2
    assert mean_score([*none, Reconstruction("ada", 0.9)]) == 0
    assert mean_score([Reconstruction("ada", 0.9)]) is None


def test_evaluations_include_the_last_step_and_do_not_change_training(
    facesets: dict[str, Path], tmp_path: Path, trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated, plain = simple_run(tmp_path / "evaluated", facesets, evaluate_every=2), trained
    train(evaluated)
    swaps = [row for row in metrics_rows(evaluated) if SWAP in row]
    assert [
        (row["step"], row[RECONSTRUCTION])
        for row in metrics_rows(evaluated)
        if RECONSTRUCTION in row
    ] == [(step, name) for step in (2, 4) for name in ("ada", "ben")]
    assert [(row["step"], row[SWAP]) for row in swaps] == [
        (step, swap) for step in (2, 4) for swap in ("ada as ben", "ben as ada")
    ]
    assert all(set(SWAP_METRICS) < set(row) for row in swaps)
    assert not [row for row in metrics_rows(plain) if SWAP in row]
    best = read_best(evaluated)
    assert best
    assert best.metrics["score"] == pytest.approx(
        max(np.mean([row["score"] for row in swaps if row["step"] == step]) for step in (2, 4)),
        abs=1e-3,
    )
    assert "ada as ben" in (evaluated.directory / "report.html").read_text()
    with_evaluations, without = checkpoint_arrays(evaluated), checkpoint_arrays(plain)
    assert all(np.array_equal(with_evaluations[name], without[name]) for name in without)
    # A run that was killed during its last evaluation repeats it.
    rows = metrics_rows(evaluated)
    kept = [row for row in rows if row["step"] < 4 or "loss" in row]
    assert len(kept) == len(rows) - 4
    evaluated.metrics_path.write_text("".join(json.dumps(row) + "\n" for row in kept))
    best_path = checkpoints_directory(evaluated) / "best.json"
    best_path.unlink()
    log_metrics = Run.log_metrics

    def killed(run: Run, *written: Mapping[str, object]) -> None:
        if any(SWAP in row for row in written):
            raise KeyboardInterrupt
        log_metrics(run, *written)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Run, "log_metrics", killed)
        train(evaluated)
    # Its rows come last: otherwise the best checkpoint would never be marked.
    assert best_path.exists()
    train(evaluated)
    assert metrics_rows(evaluated) == rows
