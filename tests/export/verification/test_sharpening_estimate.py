"""How much a bundle asks the runner to sharpen what its network draws."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.runs import tiny_run

from faceloom.compare.image_similarity import fine_detail
from faceloom.faces.alignment import crop_face
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom.swap import Bundle, SwapNetwork
from faceloom.swap.compositing.sharpening import LEFT_BY_PASTING, sharpen
from faceloom.swap.sources.face_source import Swapped
from faceloom_export.bundle import export_bundle as bundle_module
from faceloom_export.bundle.export_bundle import export_bundle
from faceloom_export.verification.calibration_sample import sample_faces
from faceloom_export.verification.sharpening_estimate import needed_sharpening
from faceloom_train.loop.trainer import train
from faceloom_train.runs.run_directory import Run

_SIDE = 64


def person(blur: float, seed: int = 0) -> Swapped:
    """Three faces with as much detail as their blur leaves, in the middle half of their crops."""
    noise = np.random.default_rng(seed).integers(40, 216, (3, _SIDE, _SIDE, 3)).astype(np.uint8)
    soft = [cv2.GaussianBlur(face, (0, 0), blur) for face in noise]
    masks = np.zeros((3, _SIDE, _SIDE), np.uint8)
    masks[:, 16:48, 16:48] = 255
    return Swapped(np.stack(soft), masks)


def detail(faces: Swapped, amount: float) -> float:
    inside = np.zeros((_SIDE, _SIDE), bool)
    inside[20:44, 20:44] = True
    return float(np.mean([fine_detail(sharpen(face, amount), inside) for face in faces.faces]))


def test_a_soft_drawing_is_sharpened_as_far_as_the_person_is_detailed() -> None:
    own, drawn = person(1.1), person(1.05, seed=1)
    amount = needed_sharpening(own, drawn)
    assert 0.1 <= amount < 0.8
    assert LEFT_BY_PASTING * detail(drawn, amount) >= 0.98 * detail(own, 0)
    assert LEFT_BY_PASTING * detail(drawn, amount - 0.1) < 1.02 * detail(own, 0)


@pytest.mark.parametrize(
    ("own", "drawn", "amount"), [(2.0, 1.0, 0), (1.0, 4.0, 0.8)], ids=["sharper", "far softer"]
)
def test_never_below_none_nor_beyond_the_most(own: float, drawn: float, amount: float) -> None:
    assert needed_sharpening(person(own), person(drawn)) == amount


def test_without_a_face_there_is_nothing_to_sharpen() -> None:
    own, drawn = person(1.0), person(2.0)
    nothing = Swapped(drawn.faces, np.zeros_like(drawn.masks))
    assert needed_sharpening(own, nothing) == needed_sharpening(nothing, drawn) == 0


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, facesets: dict[str, Path]) -> Run:
    made = tiny_run(tmp_path_factory.mktemp("soft") / "run", facesets, steps=1)
    train(made)
    return made


@pytest.mark.parametrize("person", ["ada", "ben"])
def test_a_bundle_says_what_others_need_drawn_as_its_person(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, person: str
) -> None:
    asked: list[tuple[Swapped, Swapped]] = []

    def needed(own: Swapped, drawn: Swapped) -> float:
        asked.append((own, drawn))
        return 0.3

    monkeypatch.setattr(bundle_module, "needed_sharpening", needed)
    run_to_completion(export_bundle(run.directory, person, tmp_path / "b"))
    bundle = Bundle.read(tmp_path / "b")
    assert bundle.manifest.blend.sharpen == 0.3
    ((own, drawn),) = asked
    faces, crop, middle = FaceSet.read(run.faces[person]), bundle.manifest.crop, np.s_[12:20, 12:20]
    first = crop_face(faces.read_crop(faces.rows[0]), faces.geometry.to(crop), crop.size)
    np.testing.assert_array_equal(own.faces[0][middle], first[middle])
    sample = sample_faces(run, person)
    others = np.delete(sample.proof, sample.own, axis=0)
    assert len(own.faces) + len(others) == len(sample.proof)
    by_bundle = SwapNetwork.open(bundle, "cpu").swap(others)
    np.testing.assert_allclose(drawn.faces.astype(int), by_bundle.faces, atol=1)
