"""The sharpening that a bundle suggests for its network's predictions."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloom.compare.image_similarity import laplacian_spread
from faceloom.faces.alignment import crop_face
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom.swap import Bundle, SwapNetwork
from faceloom.swap.compositing.sharpening import DETAIL_LEFT_BY_PASTING, sharpen
from faceloom.swap.sources.face_source import Predictions
from faceloom_export.bundle import export_bundle as export_bundle_module
from faceloom_export.bundle.export_bundle import export_bundle
from faceloom_export.verification.export_sample import read_export_sample
from faceloom_export.verification.sharpening_estimate import estimate_sharpening
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training

# Side of the synthetic crops in pixels.
_SIDE = 64


def person(blur: float, seed: int = 0) -> Predictions:
    """Return three blurred noise faces, masked to the middle half of their crops."""
    noise = np.random.default_rng(seed).integers(40, 216, (3, _SIDE, _SIDE, 3)).astype(np.uint8)
    soft = [cv2.GaussianBlur(face, (0, 0), blur) for face in noise]
    masks = np.zeros((3, _SIDE, _SIDE), np.uint8)
    masks[:, 16:48, 16:48] = 255
    return Predictions(np.stack(soft), masks)


def detail(faces: Predictions, amount: float) -> float:
    inside = np.zeros((_SIDE, _SIDE), bool)
    inside[20:44, 20:44] = True
    return float(np.mean([laplacian_spread(sharpen(face, amount), inside) for face in faces.faces]))


def test_blurred_prediction_is_sharpened_to_the_person_s_detail() -> None:
    own, predicted = person(1.1), person(1.05, seed=1)
    amount = estimate_sharpening(own, predicted)
    assert 0.1 <= amount < 0.8
    assert DETAIL_LEFT_BY_PASTING * detail(predicted, amount) >= 0.98 * detail(own, 0)
    assert DETAIL_LEFT_BY_PASTING * detail(predicted, amount - 0.1) < 1.02 * detail(own, 0)


@pytest.mark.parametrize(
    ("own", "predicted", "amount"), [(2.0, 1.0, 0), (1.0, 4.0, 0.8)], ids=["sharper", "much softer"]
)
def test_amount_is_limited_to_the_range(own: float, predicted: float, amount: float) -> None:
    assert estimate_sharpening(person(own), person(predicted)) == amount


def test_amount_is_zero_without_a_mask() -> None:
    own, predicted = person(1.0), person(2.0)
    unmasked = Predictions(predicted.faces, np.zeros_like(predicted.masks))
    assert estimate_sharpening(own, unmasked) == estimate_sharpening(unmasked, predicted) == 0


@pytest.mark.parametrize("person", ["ada", "ben"])
def test_bundle_suggests_the_estimate_for_other_people_s_faces(
    trained_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, person: str
) -> None:
    calls: list[tuple[Predictions, Predictions]] = []

    def estimate(own: Predictions, predicted: Predictions) -> float:
        calls.append((own, predicted))
        return 0.3

    monkeypatch.setattr(export_bundle_module, "estimate_sharpening", estimate)
    run_to_completion(export_bundle(trained_run.directory, person, tmp_path / "b"))
    bundle = Bundle.read(tmp_path / "b")
    assert bundle.manifest.blend.sharpen == 0.3
    ((own, predicted),) = calls
    faces, crop, middle = (
        FaceSet.read(trained_run.faces[person]),
        bundle.manifest.crop,
        np.s_[12:20, 12:20],
    )
    first = crop_face(faces.read_crop(faces.rows[0]), faces.geometry.affine_to(crop), crop.size)
    np.testing.assert_array_equal(own.faces[0][middle], first[middle])
    sample = read_export_sample(trained_run, person)
    others = np.delete(sample.parity, sample.identity_indices, axis=0)
    assert len(own.faces) + len(others) == len(sample.parity)
    by_bundle = SwapNetwork.open(bundle, "cpu").swap(others)
    np.testing.assert_allclose(predicted.faces.astype(int), by_bundle.faces, atol=1)
