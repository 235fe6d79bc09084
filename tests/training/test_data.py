"""Batches are a pure function of seed and step; augmentation moves pixels where it says."""

from pathlib import Path

import numpy as np
import pytest
from keras import ops
from runs import tiny_config

from faceloom.faces.align import WHOLE_FACE, apply_affine
from faceloom.faces.landmarks import EXPRESSION, MIRRORED_EXPRESSION
from faceloom.faceset import FaceSet
from faceloom_train.augment import middle_of, targets_and_inputs
from faceloom_train.data import TrainingFaces, load_faces, make_dataset, network_crop


@pytest.fixture(scope="module")
def faces(facesets: dict[str, Path]) -> list[TrainingFaces]:
    return [load_faces(FaceSet.read(path), tiny_config()) for path in facesets.values()]


def batches(faces: list[TrainingFaces], start: int, stop: int, **changes: object) -> list[dict[str, np.ndarray]]:
    dataset = make_dataset(faces, tiny_config(**changes), start, stop)
    return [{name: value.numpy() for name, value in batch.items()} for batch in dataset]


def test_crops_in_memory_are_the_stored_ones_seen_through_the_geometry(
    faces: list[TrainingFaces], facesets: dict[str, Path]
) -> None:
    stored = FaceSet.read(facesets["ada"])
    assert faces[0].crops.shape == (16, 40, 40, 4)
    assert faces[0].landmarks.shape == (16, len(EXPRESSION), 2)
    np.testing.assert_allclose(faces[0].landmarks.mean(0), 0, atol=1e-4)
    # The nose tip of the stored crop, carried to the middle of the crop in memory, lies in the mask.
    row = stored.rows[0]
    crop = network_crop(tiny_config())
    nose = apply_affine(stored.geometry.to(crop), stored.mesh_in_crop(row)[[4]])[0]
    seen = middle_of(faces[0].crops[:1], 32)[0]
    assert seen[int(nose[1]), int(nose[0]), 3] == 1
    small = stored.read_crop(row)[::16, ::16].mean((0, 1)) / 255
    assert np.abs(seen[..., :3].mean((0, 1)) - small).max() < 0.25


def test_a_step_s_batch_does_not_depend_on_where_the_run_began(faces: list[TrainingFaces]) -> None:
    unbroken, resumed = batches(faces, 0, 6), batches(faces, 4, 6)
    for whole, part in zip(unbroken[4:], resumed, strict=True):
        for name in whole:
            np.testing.assert_array_equal(whole[name], part[name])
    assert not np.array_equal(unbroken[0]["light"], unbroken[1]["light"])
    assert not np.array_equal(unbroken[0]["light"], batches(faces, 0, 1, seed=1)[0]["light"])


def test_the_shape_of_a_batch(faces: list[TrainingFaces]) -> None:
    (batch,) = batches(faces, 0, 1)
    shapes = {name: value.shape for name, value in batch.items()}
    points = len(EXPRESSION)
    assert shapes == {
        "crops": (2, 2, 40, 40, 4),
        "landmarks": (2, 2, points, 2),
        "target_map": (2, 2, 2, 3),
        "input_map": (2, 2, 2, 3),
        "warp": (2, 2, 5, 5, 2),
        "light": (2, 2, 7),
    }
    assert batch["crops"].dtype == np.uint8


def test_each_column_holds_its_own_identity(faces: list[TrainingFaces]) -> None:
    for batch in batches(faces, 0, 5):
        for number, own in enumerate(faces):
            for crop in batch["crops"][:, number]:
                assert (own.crops == crop).all((1, 2, 3)).any()


def test_flipping_exchanges_left_and_right_of_the_landmarks(faces: list[TrainingFaces]) -> None:
    plain, flipped = (batches(faces, 3, 4, augment={"flip": share})[0] for share in (0, 1))
    expected = plain["landmarks"][:, :, list(MIRRORED_EXPRESSION)] * np.float32([-1, 1])
    np.testing.assert_array_equal(flipped["landmarks"], expected)
    assert (np.linalg.det(flipped["target_map"][..., :2]) < 0).all()


def test_flipping_leaves_the_middle_of_the_face_where_it_is(faces: list[TrainingFaces]) -> None:
    config = tiny_config(augment={"flip": 1, "rotation": 0, "zoom": 0, "shift": 0}, coverage=0.8)
    dataset = make_dataset(faces, config, 3, 4)
    target_map = next(iter(dataset))["target_map"].numpy().reshape(-1, 2, 3)
    # Where aligned eyes and mouths have their middle, in crop sides from the crop's own.
    middle = np.float32([(np.mean([x for x, _ in WHOLE_FACE]) - 0.5) / 0.8, 0.2])
    for affine in target_map:
        np.testing.assert_allclose(affine[:, :2] @ middle + affine[:, 2], middle, atol=1e-5)


def parameters(count: int, **changes: np.ndarray) -> dict[str, np.ndarray]:
    """Parameters that change nothing, but for `changes`."""
    identity = np.tile(np.float32([[1, 0, 0], [0, 1, 0]]), (count, 1, 1))
    still = {
        "target_map": identity,
        "input_map": identity,
        "warp": np.zeros((count, 5, 5, 2), np.float32),
        "light": np.tile(np.float32([1, 1, 1, 1, 0, 0, 0]), (count, 1)),
    }
    return {**still, **changes}


def augmented(crops: np.ndarray, **changes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    batch = {"crops": crops, **parameters(len(crops), **changes)}
    batch = {name: ops.convert_to_tensor(value) for name, value in batch.items()}
    return tuple(ops.convert_to_numpy(x) for x in targets_and_inputs(batch, 32))


def test_no_augmentation_is_the_middle_of_the_crop(faces: list[TrainingFaces]) -> None:
    crops = faces[0].crops[:3]
    wanted, seen = augmented(crops)
    np.testing.assert_allclose(wanted, crops[:, 4:36, 4:36] / 255, atol=1e-5)
    np.testing.assert_allclose(seen, wanted, atol=1e-5)
    np.testing.assert_allclose(middle_of(crops, 32), wanted, atol=1e-5)


def test_the_maps_move_pixels_where_they_say(faces: list[TrainingFaces]) -> None:
    crops = faces[0].crops[:1]
    step = 3 / 32  # three pixels of the network's crop
    shift = np.float32([[[1, 0, step], [0, 1, 0]]])
    wanted, seen = augmented(crops, target_map=shift)
    np.testing.assert_allclose(wanted, crops[:, 4:36, 7:39] / 255, atol=1e-4)
    np.testing.assert_allclose(seen, wanted, atol=1e-5)
    wanted, seen = augmented(crops, input_map=shift)
    np.testing.assert_allclose(wanted, crops[:, 4:36, 4:36] / 255, atol=1e-4)
    np.testing.assert_allclose(seen, crops[:, 4:36, 7:39] / 255, atol=1e-4)
    flip = np.float32([[[-1, 0, 0], [0, 1, 0]]])
    wanted, _ = augmented(crops, target_map=flip)
    np.testing.assert_allclose(wanted, crops[:, 4:36, 4:36][:, :, ::-1] / 255, atol=1e-4)


def test_warp_and_light_touch_the_input_only(faces: list[TrainingFaces]) -> None:
    crops = faces[0].crops[:2]
    plain, _ = augmented(crops)
    warp = np.random.default_rng(0).normal(0, 0.05, (2, 5, 5, 2)).astype(np.float32)
    wanted, seen = augmented(crops, warp=warp)
    np.testing.assert_array_equal(wanted, plain)
    assert np.abs(seen - plain).mean() > 0.01
    dark = np.tile(np.float32([0.5, 0.5, 0.5, 1, 0, 0, 0]), (2, 1))
    wanted, seen = augmented(crops, light=dark)
    np.testing.assert_array_equal(wanted, plain)
    np.testing.assert_allclose(seen[..., :3], plain[..., :3] / 2, atol=1e-5)
    np.testing.assert_array_equal(seen[..., 3], plain[..., 3])
