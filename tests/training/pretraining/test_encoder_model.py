"""The base's encoder learns alone to read faces."""

from pathlib import Path

import numpy as np
import pytest
from tests.helpers.crowd_faces import one_color_person
from tests.helpers.runs import tiny_config

from faceloom.array_types import float32
from faceloom_train.pretraining.crowd_faces import CrowdFaces
from faceloom_train.pretraining.encoder_model import EncoderModel
from faceloom_train.pretraining.train import encoder_config, train_encoder
from faceloom_train.runs.base_weights import read_base

pytestmark = pytest.mark.training

SIDE = 32
GRID = 4


@pytest.fixture(scope="module")
def model() -> EncoderModel:
    """Two people, one gray and one dark red on its left side."""
    gray = np.full((SIDE, SIDE, 4), 0.4, np.float32)
    red = np.zeros((SIDE, SIDE, 4), np.float32)
    red[:, : SIDE // 2, 0] = 0.2
    for face in (gray, red):
        face[..., 3] = 1
    return EncoderModel(tiny_config(), [gray, red], 3)


@pytest.mark.parametrize("mirrored", [0, 1])
@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
def test_light_is_the_ratio_to_the_persons_own_mean_face(
    gain: float, mirrored: int, model: EncoderModel
) -> None:
    """A face that is its person's mean face times a gain has that gain as its light."""
    faces = np.zeros((2, SIDE, SIDE, 5), np.float32)
    faces[0, ..., :3] = 0.4 * gain
    half = slice(SIDE // 2, None) if mirrored else slice(SIDE // 2)
    faces[1, :, half, 0] = 0.2 * gain
    faces[..., 3:] = 1
    batch = {
        "person": float32([[0, 1]]),
        "mirrored": float32([[mirrored, mirrored]]),
        "landmarks": np.zeros((1, 2, 1, 2), np.float32),
        "performance": np.zeros((1, 2, 3), np.float32),
    }
    light = np.full((2, GRID, GRID, 3), np.log(gain), np.float32)
    light[1, ..., 1:] = 0
    dark = slice(0, GRID // 2) if mirrored else slice(GRID // 2, GRID)
    light[1, :, dark] = 0
    read = {
        "target": faces,
        "light": light,
        "landmarks": np.zeros((2, 1, 2), np.float32),
        "performance": np.zeros((2, 3), np.float32),
    }
    assert float(model.compute_loss(batch, y_pred=read)) < 0.05
    wrong = float(model.compute_loss(batch, y_pred={**read, "light": light + 1}))
    assert wrong == pytest.approx(1, abs=0.05)


def test_the_performance_counts_where_the_face_is_not_mirrored(model: EncoderModel) -> None:
    batch = {
        "person": np.zeros((1, 2), np.float32),
        "mirrored": float32([[1, 0]]),
        "landmarks": np.zeros((1, 2, 1, 2), np.float32),
        "performance": np.zeros((1, 2, 3), np.float32),
    }
    read = {
        "target": np.zeros((2, SIDE, SIDE, 5), np.float32) + 0.4,
        "light": np.zeros((2, GRID, GRID, 3), np.float32),
        "landmarks": np.zeros((2, 1, 2), np.float32),
    }

    def loss(first: float, second: float) -> float:
        performance = float32([[first] * 3, [second] * 3])
        return float(model.compute_loss(batch, y_pred={**read, "performance": performance}))

    assert loss(5, 0) == loss(0, 0)
    assert loss(0, 1) == pytest.approx(loss(0, 0) + 0.5)


def test_training_changes_the_encoder_and_stores_no_decoder(tmp_path: Path) -> None:
    people: list[CrowdFaces] = [one_color_person(0, [0, 1, 2], 0), one_color_person(1, [0, 2], 0)]
    stored = []
    for steps in (1, 4):
        config = encoder_config(tiny_config(loss={"displacement": 0.5}), steps)
        train_encoder(people, config, tmp_path / "encoder.npz")
        stored.append(read_base(tmp_path / "encoder.npz"))
    assert {key.network for key in stored[0]} == {"encoder", "landmark_head"}
    moved = {key: np.abs(stored[1][key] - value).max() for key, value in stored[0].items()}
    assert min(moved.values()) > 0
