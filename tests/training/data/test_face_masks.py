"""Training sees the faces that conversion sees, whichever mask they have."""

from pathlib import Path

import numpy as np
import pytest
from tests.helpers.conversion_input import conversion_input
from tests.helpers.runs import NETWORK, tiny_config

from faceloom.choices import FaceMaskKind
from faceloom.faceset import FaceRow, FaceSet
from faceloom_train.augmentation.pipeline import center_crops
from faceloom_train.config.schema import TrainConfig
from faceloom_train.data.dataset import load_faces, network_crop, validation_rows
from faceloom_train.data.holdout import ValidationFace, load_validation_faces, stack_crops
from faceloom_train.model.reconstruction_model import mask_background

pytestmark = pytest.mark.training

# Difference of two pixels, 0 to 1, that resampling does not explain.
DIFFERENT = 0.1
# Largest share of such pixels in equal pictures: at the masks' edges.
TOLERANCE = 0.005


def config_of(face_mask: FaceMaskKind, **changes: object) -> TrainConfig:
    return tiny_config(network={**NETWORK, "size": 64}, face_mask=face_mask, **changes)


@pytest.fixture(scope="module")
def ben(facesets: dict[str, Path]) -> FaceSet:
    return FaceSet.read(facesets["ben"])


def share_of_differences(one: np.ndarray, other: np.ndarray) -> float:
    return float((np.abs(one - other).max(-1) > DIFFERENT).mean())


def training_rows(faces: FaceSet, config: TrainConfig) -> list[FaceRow]:
    validation = {row.image for row in validation_rows(faces, config)}
    return [row for row in faces.rows if row.image not in validation]


def test_the_visible_face_lies_inside_the_mesh_mask(ben: FaceSet) -> None:
    mesh, regions = (load_faces(ben, config_of(kind)).crops for kind in ("mesh", "regions"))
    np.testing.assert_array_equal(regions[..., 4], mesh[..., 3])
    # Strands of hair on the forehead are painted over.
    assert 0 < (regions[..., :3] != mesh[..., :3]).any(-1).mean() < 0.01
    assert (regions[..., 3] <= regions[..., 4]).all()
    visible, outline = (regions[..., channel].mean((1, 2), dtype=float) for channel in (3, 4))
    # Hair is hidden, skin is not.
    assert (visible > 0.7 * outline).all()
    assert (visible < 0.98 * outline).any()


@pytest.mark.parametrize("face_mask", ["mesh", "regions"])
def test_training_and_conversion_give_the_encoder_the_same_picture(
    ben: FaceSet, tmp_path: Path, face_mask: FaceMaskKind
) -> None:
    config = config_of(face_mask, validation_faces=2)
    crops = load_faces(ben, config_of("regions", validation_faces=2)).crops
    # The training face of which most is hidden.
    index = int(np.argmax(np.subtract(crops[..., 4], crops[..., 3], dtype=int).sum((1, 2))))
    row = training_rows(ben, config)[index]
    crop = network_crop(config)
    face = center_crops(load_faces(ben, config).crops[[index]], crop.size)
    training = mask_background(face[..., :3], face[..., 3:4])[0]
    other = "regions" if face_mask == "mesh" else "mesh"
    same, different = (
        conversion_input(tmp_path / kind, crop, kind, ben, row) / 255 for kind in (face_mask, other)
    )
    assert share_of_differences(training, same) < TOLERANCE
    assert share_of_differences(training, different) > 2 * TOLERANCE


@pytest.mark.parametrize("face_mask", ["mesh", "regions"])
def test_evaluation_and_conversion_give_the_encoder_the_same_picture(
    ben: FaceSet, tmp_path: Path, face_mask: FaceMaskKind
) -> None:
    config = config_of(face_mask, validation_faces=1)
    (row,), crop = validation_rows(ben, config), network_crop(config)
    rgb, mask = stack_crops(load_validation_faces(ben, config))
    evaluation = mask_background(rgb, mask)[0]
    conversion = conversion_input(tmp_path / "bundle", crop, face_mask, ben, row) / 255
    assert share_of_differences(evaluation, conversion) < TOLERANCE


def test_evaluation_pastes_only_where_the_target_is_visible(ben: FaceSet) -> None:
    config = config_of("regions", validation_faces=4)
    (face, *_), crop = load_validation_faces(ben, config), network_crop(config)
    blue = np.tile(np.float32([0, 0, 1, 1]), (crop.size, crop.size, 1))
    assert face.regions is not None
    hidden = face.regions.copy()
    hidden[:] = 0
    hidden[:, :64, 6] = hidden[:, 64:, 1] = 255
    half = ValidationFace(face.image, face.mesh_xy, face.rgb_mask, face.geometry, hidden)
    whole, pasted = (
        np.abs(one.paste(blue, crop).astype(int) - one.image).sum(-1) > 60 for one in (face, half)
    )
    middle = len(face.image) // 2
    assert not pasted[:, : middle - 12].any()
    assert whole[:, : middle - 12].any()
    assert pasted[:, middle + 12 :].sum() > 0.9 * whole[:, middle + 12 :].sum() > 0
