"""Training, evaluation and export use the corrected faces."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.helpers.corrections import left_half, move, offsets_of, paint, shift_all
from tests.helpers.runs import NETWORK, tiny_config

from faceloom.faces.landmarks import EYE_LEFT
from faceloom.faceset import FaceSet
from faceloom.faceset.parsing.region_shares import measure_regions
from faceloom.progress import run_to_completion
from faceloom.review.faceset_measurement import measure_faceset
from faceloom.swap.sources.pasted_still import PastedStill
from faceloom_export.dfm.mean_mask import mean_mask
from faceloom_export.verification.export_sample import read_export_sample
from faceloom_train.config.schema import TrainConfig
from faceloom_train.data.dataset import load_faces, network_crop
from faceloom_train.data.holdout import ValidationFace
from faceloom_train.distributed.handshake import _checksums

pytestmark = pytest.mark.training

FACES = 4


@pytest.fixture
def ben(facesets: dict[str, Path], tmp_path: Path) -> Path:
    """A few faces of a face set."""
    copy = tmp_path / "ben"
    shutil.copytree(facesets["ben"], copy)
    for crop in sorted((copy / "crops").iterdir())[FACES:]:
        crop.unlink()
    return copy


def config_of(face_mask: str) -> TrainConfig:
    network = {**NETWORK, "size": 64}
    return tiny_config(
        network=network, face_mask=face_mask, validation_faces=0, mask_background=True
    )


def run_of(directory: Path, face_mask: str) -> Any:
    return SimpleNamespace(faces={"ben": directory}, settings=config_of(face_mask))


def trained_masks(directory: Path, face_mask: str) -> np.ndarray:
    return load_faces(FaceSet.read(directory), config_of(face_mask)).crops[0, ..., 3]


def trained_pictures(directory: Path, face_mask: str) -> np.ndarray:
    return load_faces(FaceSet.read(directory), config_of(face_mask)).crops[0, ..., :3]


def trained_landmarks(directory: Path, face_mask: str) -> np.ndarray:
    return load_faces(FaceSet.read(directory), config_of(face_mask)).meshes[0]


def validation_face(directory: Path, face_mask: str) -> np.ndarray:
    faces = FaceSet.read(directory)
    crop = network_crop(config_of(face_mask))
    return ValidationFace.from_row(faces, faces.rows[0], crop).rgb_mask


def exported_sample(directory: Path, face_mask: str) -> np.ndarray:
    return read_export_sample(run_of(directory, face_mask), "ben").parity[0]


def host_mask(directory: Path, face_mask: str) -> np.ndarray:
    return mean_mask(run_of(directory, face_mask))


def still(directory: Path, face_mask: str) -> np.ndarray:
    faces = FaceSet.read(directory)
    return PastedStill(faces, faces.rows[0])._mask


def worker_checksum(directory: Path, face_mask: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(_checksums({"ben": directory})["ben"]), np.uint8)


def hidden_shares(directory: Path, face_mask: str) -> np.ndarray:
    faces = FaceSet.read(directory)
    (share,) = run_to_completion(measure_regions(faces, faces.rows[:1]))
    return np.array([share.occluded])


def reviewed_light(directory: Path, face_mask: str) -> np.ndarray:
    return run_to_completion(measure_faceset(FaceSet.read(directory))).table.gradient_x[:1]


Reader = Callable[[Path, str], np.ndarray]
OF_THE_MASK: tuple[Reader, ...] = (
    trained_masks, validation_face, exported_sample, host_mask, still, worker_checksum,
    hidden_shares, reviewed_light,
)  # fmt: skip
OF_THE_ALIGNMENT: tuple[Reader, ...] = (
    trained_pictures, validation_face, exported_sample, host_mask, worker_checksum
)  # fmt: skip
OF_LANDMARKS: tuple[Reader, ...] = (trained_landmarks, worker_checksum)


@pytest.mark.parametrize("face_mask", ["mesh", "regions"])
@pytest.mark.parametrize("read", OF_THE_MASK, ids=lambda read: read.__name__)
def test_a_painted_mask_is_honored(ben: Path, read: Reader, face_mask: str) -> None:
    before = read(ben, face_mask)
    paint(ben, FaceSet.read(ben).rows[0].image, left_half(512))
    assert not np.array_equal(read(ben, face_mask), before)


@pytest.mark.parametrize("read", OF_THE_ALIGNMENT, ids=lambda read: read.__name__)
def test_a_corrected_alignment_is_honored(ben: Path, read: Reader) -> None:
    before = read(ben, "regions")
    move(ben, FaceSet.read(ben).rows[0].image, shift_all(0.1, 0.05))
    assert not np.array_equal(read(ben, "regions"), before)


@pytest.mark.parametrize("read", OF_LANDMARKS, ids=lambda read: read.__name__)
def test_moved_lids_are_honored(ben: Path, read: Reader) -> None:
    before = read(ben, "mesh")
    lids = offsets_of(dict.fromkeys(EYE_LEFT, (0, 0.02)))
    move(ben, FaceSet.read(ben).rows[0].image, lids)
    assert not np.array_equal(read(ben, "mesh"), before)


@pytest.mark.parametrize("face_mask", ["mesh", "regions"])
def test_the_trained_mask_is_the_painted_one_inside_the_outline(ben: Path, face_mask: str) -> None:
    outline = trained_masks(ben, "mesh")
    paint(ben, FaceSet.read(ben).rows[0].image, left_half(512))
    mask, middle = trained_masks(ben, face_mask), len(outline) // 2
    np.testing.assert_array_equal(mask[:, : middle - 2], outline[:, : middle - 2])
    assert not mask[:, middle + 2 :].any()
    assert outline[:, middle + 2 :].any()


def test_evaluation_pastes_by_the_painted_mask(ben: Path) -> None:
    paint(ben, FaceSet.read(ben).rows[0].image, left_half(512))
    faces, crop = FaceSet.read(ben), network_crop(config_of("regions"))

    class Parser:
        def parse_faces(self, crops: Any, masks: Any) -> list[None]:
            return [None for _ in crops]

    face = ValidationFace.from_row(faces, faces.rows[0], crop, Parser())  # type: ignore[arg-type]
    assert face.regions is not None
    blue = np.tile(np.float32([0, 0, 1, 1]), (crop.size, crop.size, 1))
    changed = np.abs(face.paste(blue, crop).astype(int) - face.image).sum(-1) > 60
    assert changed[:, :240].any()
    assert not changed[:, 272:].any()
