"""What is judged while training is what the judge says of it, and judging changes nothing."""

from pathlib import Path

import numpy as np
import pytest
from tests.helpers.runs import checkpoint_arrays, metrics_rows, tiny_config, tiny_run

from faceloom.faceset import FaceSet
from faceloom_train.data.dataset import load_faces, validation_rows
from faceloom_train.evaluation import evaluator as evaluate_module
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
from faceloom_train.model.swap_model import mask_background
from faceloom_train.runs.checkpoint import read_best
from faceloom_train.runs.run_directory import Run


@pytest.mark.parametrize(("asked", "held"), [(0, 0), (2, 2), (1000, 2)])
def test_held_out_faces_are_never_trained_on(
    facesets: dict[str, Path], asked: int, held: int
) -> None:
    faces = FaceSet.read(facesets["ada"])
    config = tiny_config(validation_faces=asked)
    assert len(validation_rows(faces, config)) == held
    assert len(load_faces(faces, config).crops) == len(faces) - held


class _Painter:
    """Stands for trained networks: gives every face back as it is, or another picture for it."""

    def __init__(self, run: Run, picture: np.ndarray | None):
        self.model = build_compiled_model(run.settings, run.identities)
        self.model.optimizer.build(self.model.trainable_variables)
        self.picture = picture
        self.seen: list[np.ndarray] = []
        self.model.networks = self

    def predict(self, rgb: np.ndarray, decoder: int) -> np.ndarray:
        self.seen.append(np.asarray(rgb))
        drawn = rgb if self.picture is None else np.broadcast_to(self.picture, rgb.shape)
        return np.concatenate([drawn, np.ones_like(rgb[..., :1])], -1)


def test_a_face_given_back_is_no_swap_and_keeps_all_it_does(
    facesets: dict[str, Path], tmp_path: Path
) -> None:
    run = tiny_run(tmp_path / "run", facesets)
    painter = _Painter(run, None)
    evaluator = Evaluator(run)
    found = list(evaluator.evaluate(painter.model))
    assert len(found) == evaluator.count
    assert [one.subject for one in found] == ["ada", "ben", "ada as ben", "ben as ada"]
    own, swaps = found[:2], found[2:]
    assert all(abs(one.identity) < 0.25 for one in swaps)
    assert all(one.score < 25 for one in swaps)
    # Nothing is lost inside the face on the way, nor on the way back.
    assert all(one.ssim == pytest.approx(1) for one in own)
    assert all(one.cycle == pytest.approx(1) for one in swaps)


def test_the_other_person_pasted_in_has_the_identity(
    facesets: dict[str, Path], tmp_path: Path
) -> None:
    run = tiny_run(
        tmp_path / "run", facesets, network={**tiny_config().network.model_dump(), "size": 96}
    )
    ben = load_faces(FaceSet.read(facesets["ben"]), run.settings).crops[4]
    edge = (len(ben) - 96) // 2
    middle = np.float32(ben[edge : edge + 96, edge : edge + 96]) / 255
    painter = _Painter(run, np.asarray(mask_background(middle[..., :3], middle[..., 3:])))
    ada, _, as_ben, _ = Evaluator(run).evaluate(painter.model)
    # Both look another way, but it is ben.
    assert as_ben.identity > 0.4
    assert as_ben.expression < 0.5
    # Ada is not given back, by no decoder.
    assert as_ben.cycle == pytest.approx(ada.ssim)
    assert ada.ssim < 0.8


def test_a_face_that_is_not_found_again_counts_nothing(
    facesets: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny_run(tmp_path / "run", facesets)
    painter = _Painter(run, None)
    whole = [
        one for one in Evaluator(run).evaluate(painter.model) if isinstance(one, SwapEvaluation)
    ]
    assert [one.found for one in whole] == [1, 1]
    # The second of two faces is swapped for gray, in each direction.
    swapped, count = evaluate_module.ValidationFace.paste, iter(range(4))
    monkeypatch.setattr(
        evaluate_module.ValidationFace,
        "paste",
        lambda face, *rest: (
            np.full_like(face.image, 128) if next(count) % 2 else swapped(face, *rest)
        ),
    )
    half = [
        one for one in Evaluator(run).evaluate(painter.model) if isinstance(one, SwapEvaluation)
    ]
    assert [one.found for one in half] == [0.5, 0.5]
    assert all("50 % of the faces not found" in one.to_text() for one in half)
    # One face has no movement.
    assert [one.expression for one in half] == [None, None]
    monkeypatch.setattr(
        evaluate_module.ValidationFace, "paste", lambda face, *_: np.full_like(face.image, 128)
    )
    none = [
        one for one in Evaluator(run).evaluate(painter.model) if isinstance(one, SwapEvaluation)
    ]
    assert [(one.score, one.identity, one.found) for one in none] == [(0, None, 0)] * 2
    assert mean_score([*none, Reconstruction("ada", 0.9)]) == 0
    assert mean_score([Reconstruction("ada", 0.9)]) is None


def test_training_judges_at_the_end_and_is_not_changed_by_it(
    facesets: dict[str, Path], tmp_path: Path
) -> None:
    judged, alone = (
        tiny_run(tmp_path / name, facesets, evaluate_every=every)
        for name, every in (("judged", 2), ("alone", 0))
    )
    for run in (judged, alone):
        train(run)
    told = [row for row in metrics_rows(judged) if SWAP in row]
    assert [
        (row["step"], row[RECONSTRUCTION]) for row in metrics_rows(judged) if RECONSTRUCTION in row
    ] == [(step, name) for step in (2, 4) for name in ("ada", "ben")]
    assert [(row["step"], row["judged"]) for row in told] == [
        (step, swap) for step in (2, 4) for swap in ("ada as ben", "ben as ada")
    ]
    assert all(set(SWAP_METRICS) < set(row) for row in told)
    assert not [row for row in metrics_rows(alone) if "judged" in row]
    best = read_best(judged)
    assert best
    assert best.figures["score"] == pytest.approx(
        max(np.mean([row["score"] for row in told if row["step"] == step]) for step in (2, 4)),
        abs=1e-3,
    )
    assert "ada as ben" in (judged.directory / "report.html").read_text()
    with_judge, without = checkpoint_arrays(judged), checkpoint_arrays(alone)
    assert all(np.array_equal(with_judge[name], without[name]) for name in without)
