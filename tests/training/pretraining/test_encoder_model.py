"""The base's encoder learns alone to read faces."""

from pathlib import Path

import numpy as np
import pytest
from tests.helpers.crowd_faces import one_color_person
from tests.helpers.runs import tiny_config

from faceloom.array_types import float32
from faceloom_train.pretraining.crowd_faces import CrowdFaces
from faceloom_train.pretraining.encoder_model import EncoderModel
from faceloom_train.pretraining.train import encoder_config, train
from faceloom_train.runs.base_weights import read_base

pytestmark = pytest.mark.training

SIDE = 32
# Side of the mean face's displacements and light.
MAP = 8


@pytest.fixture(scope="module")
def model() -> EncoderModel:
    """Two people, one gray and one dark red on its left side."""
    gray = np.full((SIDE, SIDE, 4), 0.4, np.float32)
    red = np.zeros((SIDE, SIDE, 4), np.float32)
    red[:, : SIDE // 2, 0] = 0.2
    for face in (gray, red):
        face[..., 3] = 1
    return EncoderModel(tiny_config(loss={"displacement": 1}), [gray, red], 3)


def batch_of_two(mirrored: tuple[float, float]) -> dict[str, np.ndarray]:
    """One face of each person, in their mean face's place."""
    return {
        "person": float32([[0, 1]]),
        "mirrored": float32([mirrored]),
        "landmarks": np.zeros((1, 2, 1, 2), np.float32),
        "performance": np.zeros((1, 2, 3), np.float32),
        "displacements": np.zeros((1, 2, 468, 4), np.float32),
    }


def read_without_error() -> dict[str, np.ndarray]:
    """What the model says of two faces that equal their mean faces."""
    return {
        "target": np.zeros((2, SIDE, SIDE, 5), np.float32),
        "shift": np.zeros((2, MAP, MAP, 2), np.float32),
        "light": np.zeros((2, MAP, MAP, 3), np.float32),
        "landmarks": np.zeros((2, 1, 2), np.float32),
        "performance": np.zeros((2, 3), np.float32),
    }


@pytest.mark.parametrize("mirrored", [0, 1])
@pytest.mark.parametrize("gain", [0.6, 1.0, 1.7])
def test_light_is_the_ratio_to_the_persons_own_mean_face(
    gain: float, mirrored: int, model: EncoderModel
) -> None:
    """A face that is its person's mean face times a gain has that gain as its light."""
    read = read_without_error()
    read["target"][0, ..., :3] = 0.4 * gain
    half = slice(SIDE // 2, None) if mirrored else slice(SIDE // 2)
    read["target"][1, :, half, 0] = 0.2 * gain
    read["target"][..., 3:] = 1
    batch = batch_of_two((mirrored, mirrored))
    light = np.full((2, MAP, MAP, 3), np.arctanh(gain - 1), np.float32)
    light[1, ..., 1:] = 0
    light[1, :, slice(MAP // 2) if mirrored else slice(MAP // 2, MAP)] = 0
    assert float(model.compute_loss(batch, y_pred={**read, "light": light})) < 0.05
    dark = {**read, "light": np.full_like(light, np.arctanh(-0.8))}
    assert float(model.compute_loss(batch, y_pred=dark)) > 0.5


@pytest.mark.parametrize(
    ("name", "error", "loss"), [("shift", 1.0, 2 * 0.15 * np.tanh(1) * 20), ("landmarks", 1.0, 1)]
)
def test_displacements_and_landmarks_count(
    name: str, error: float, loss: float, model: EncoderModel
) -> None:
    batch, read = batch_of_two((0, 0)), read_without_error()
    before = float(model.compute_loss(batch, y_pred=read))
    after = float(model.compute_loss(batch, y_pred={**read, name: read[name] + float32(error)}))
    assert after - before == pytest.approx(loss, rel=1e-3)


def test_the_performance_counts(model: EncoderModel) -> None:
    def loss(first: float, second: float) -> float:
        performance = float32([[first] * 3, [second] * 3])
        read = {**read_without_error(), "performance": performance}
        return float(model.compute_loss(batch_of_two((1, 0)), y_pred=read))

    assert loss(1, 2) == pytest.approx(loss(0, 0) + 1.5)


def test_training_changes_encoder_head_and_linear_maps(tmp_path: Path) -> None:
    people: list[CrowdFaces] = [one_color_person(0, [0, 1, 2], 0), one_color_person(1, [0, 2], 0)]
    stored = []
    for steps in (1, 4):
        config = encoder_config(tiny_config(loss={"displacement": 0.5}), steps)
        train(EncoderModel, people, config, tmp_path / "encoder.npz")
        stored.append(read_base(tmp_path / "encoder.npz"))
    layers = {key.layer for key in stored[0] if key.network == "decoder"}
    assert layers == {"mean_face_shift_linear", "mean_face_light_linear"}
    moved = {key: np.abs(stored[1][key] - value).max() for key, value in stored[0].items()}
    assert min(moved.values()) > 0
