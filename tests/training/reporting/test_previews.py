"""Preview sheets show predictions as conversion pastes them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from tests.helpers.runs import tiny_config

from faceloom.choices import FaceMaskKind
from faceloom_train.data.dataset import TrainingFaces, network_crop
from faceloom_train.reporting.previews import write_preview

pytestmark = pytest.mark.training


def faces_with_a_hidden_half(name: str) -> TrainingFaces:
    """Two red faces, of which the left half is hidden."""
    crops = np.zeros((2, 40, 40, 5), np.uint8)
    crops[..., 0] = crops[..., 4] = 255
    crops[:, :, 20:, 3] = 255
    nothing = np.zeros((2, 1, 2), np.float32)
    return TrainingFaces(name, crops, nothing, nothing, np.ones(2, np.float32))


def predict_green(rgb: np.ndarray, _identity: int) -> np.ndarray:
    return np.broadcast_to(np.float32([0, 1, 0, 1]), (*rgb.shape[:3], 4))


@pytest.mark.parametrize(("face_mask", "pasted_halves"), [("mesh", 2), ("regions", 1)])
def test_predictions_are_pasted_where_the_face_is_visible(
    tmp_path: Path, face_mask: FaceMaskKind, pasted_halves: int
) -> None:
    config = tiny_config(face_mask=face_mask)
    model = SimpleNamespace(
        config=config,
        crop=network_crop(config),
        networks=SimpleNamespace(predict=predict_green),
    )
    write_preview(model, [faces_with_a_hidden_half(name) for name in "ab"], tmp_path / "sheet.png")
    # Cells of 160 pixels: the face, reconstructed, swapped.
    row = cv2.imread(str(tmp_path / "sheet.png"))[80, : 3 * 160, ::-1]
    assert (row[:160] == [255, 0, 0]).all()
    for cell in (row[160:320], row[320:480]):
        green = (cell == [0, 255, 0]).all(-1)
        assert green[90:].all()
        assert green[:70].all() == (pasted_halves == 2)
        assert green[:70].any() == (pasted_halves == 2)


def test_the_settings_choose_the_faces_of_a_sheet(tmp_path: Path) -> None:
    config = tiny_config()
    model = SimpleNamespace(
        config=config,
        crop=network_crop(config),
        networks=SimpleNamespace(predict=predict_green),
    )
    faces = [faces_with_a_hidden_half(name) for name in "ab"]
    blue = np.zeros((1, 40, 40, 5), np.uint8)
    blue[..., 2:] = 255
    write_preview(model, [replace(faces[0], preview_crops=blue), faces[1]], tmp_path / "sheet.png")
    sheet = cv2.imread(str(tmp_path / "sheet.png"))[..., ::-1]
    assert (sheet[80, :160] == [0, 0, 255]).all()
    # The other identity has its own two rows.
    assert (sheet[80, 3 * 160 : 4 * 160] == [255, 0, 0]).all()
    assert len(np.unique(sheet[-80, :160])) == 1


def test_many_named_faces_are_predicted_in_parts(tmp_path: Path) -> None:
    config, sizes = tiny_config(), list[int]()

    def predict(rgb: np.ndarray, identity: int) -> np.ndarray:
        sizes.append(len(rgb))
        return predict_green(rgb, identity)

    networks = SimpleNamespace(predict=predict)
    model = SimpleNamespace(config=config, crop=network_crop(config), networks=networks)
    faces = [faces_with_a_hidden_half(name) for name in "ab"]
    named = replace(faces[0], preview_crops=np.repeat(faces[0].crops, 7, axis=0))
    write_preview(model, [named, faces[1]], tmp_path / "sheet.png")
    # Two decoders, each with 14 and 2 faces.
    assert (max(sizes), sum(sizes)) == (6, 2 * (14 + 2))
    # Each row has a label too.
    assert len(cv2.imread(str(tmp_path / "sheet.png"))) > 14 * 160
