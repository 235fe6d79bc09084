"""Batches are a pure function of seed and step, and rare faces come oftener."""

from pathlib import Path

import numpy as np
import pytest
from tests.helpers.facesets import FaceSpec, write_faceset
from tests.helpers.runs import tiny_config

from faceloom.faces.alignment import apply_affine
from faceloom.faces.landmarks import EXPRESSION_LANDMARKS, EXPRESSION_MIRROR_INDICES
from faceloom.faces.pose import Pose
from faceloom.faceset import FaceRow, FaceSet
from faceloom_train.augmentation.pipeline import middle_of
from faceloom_train.data.batch_packing import packed, unpacked
from faceloom_train.data.dataset import TrainingFaces, load_faces, make_dataset, network_crop
from faceloom_train.data.sampling_weights import balanced_weights


@pytest.fixture(scope="module")
def faces(facesets: dict[str, Path]) -> list[TrainingFaces]:
    return [load_faces(FaceSet.read(path), tiny_config()) for path in facesets.values()]


def batches(
    faces: list[TrainingFaces], start: int, stop: int, **changes: object
) -> list[dict[str, np.ndarray]]:
    dataset = make_dataset(faces, tiny_config(**changes), start, stop)
    return [{name: value.numpy() for name, value in batch.items()} for batch in dataset]


def test_crops_in_memory_are_the_stored_ones_seen_through_the_geometry(
    faces: list[TrainingFaces], facesets: dict[str, Path]
) -> None:
    stored = FaceSet.read(facesets["ada"])
    assert faces[0].crops.shape == (16, 40, 40, 4)
    assert faces[0].landmarks.shape == (16, len(EXPRESSION_LANDMARKS), 2)
    np.testing.assert_allclose(np.median(faces[0].landmarks, axis=0), 0, atol=1e-4)
    # The nose tip of the stored crop, carried to the middle of the crop in memory, lies in the mask.
    row = stored.rows[0]
    crop = network_crop(tiny_config())
    nose = apply_affine(stored.geometry.affine_to(crop), stored.mesh_in_crop(row)[[4]])[0]
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


def test_a_batch_that_was_packed_is_unpacked_as_it_was(faces: list[TrainingFaces]) -> None:
    dataset, layout = packed(make_dataset(faces, tiny_config(), 3, 4))
    (sent,) = dataset
    (whole,) = batches(faces, 3, 4)
    assert set(sent) == {"crops", "numbers"}
    found = unpacked(dict(sent), layout)
    assert set(found) == set(whole)
    for name, value in whole.items():
        np.testing.assert_array_equal(found[name], value)


def test_the_shape_of_a_batch(faces: list[TrainingFaces]) -> None:
    (batch,) = batches(faces, 0, 1)
    shapes = {name: value.shape for name, value in batch.items()}
    points = len(EXPRESSION_LANDMARKS)
    assert shapes == {
        "crops": (2, 2, 40, 40, 4),
        "landmarks": (2, 2, points, 2),
        "mirrored": (2, 2),
        "target_map": (2, 2, 2, 3),
        "input_map": (2, 2, 2, 3),
        "light": (2, 2, 7),
        "occluder_map": (2, 2, 2, 3),
        "occluder_look": (2, 2, 10),
        "blur": (2, 2),
        "compression": (2, 2),
    }
    assert batch["crops"].dtype == np.uint8


def test_each_column_holds_its_own_identity(faces: list[TrainingFaces]) -> None:
    for batch in batches(faces, 0, 5):
        for number, own in enumerate(faces):
            for crop in batch["crops"][:, number]:
                assert (own.crops == crop).all((1, 2, 3)).any()


def test_flipping_exchanges_left_and_right_of_the_landmarks(faces: list[TrainingFaces]) -> None:
    plain, flipped = (batches(faces, 3, 4, augmentation={"flip_probability": share})[0] for share in (0, 1))
    expected = plain["landmarks"][:, :, list(EXPRESSION_MIRROR_INDICES)] * np.float32([-1, 1])
    np.testing.assert_array_equal(flipped["landmarks"], expected)
    assert (np.linalg.det(flipped["target_map"][..., :2]) < 0).all()


def test_a_batch_says_which_faces_are_mirrored(faces: list[TrainingFaces]) -> None:
    drawn = batches(faces, 0, 8, augmentation={"flip_probability": 0.5})
    told = np.stack([batch["mirrored"] for batch in drawn])
    maps = np.stack([batch["target_map"][..., :2] for batch in drawn])
    np.testing.assert_array_equal(told == 1, np.linalg.det(maps) < 0)
    assert set(told.flat) == {0, 1}


def test_flipping_leaves_the_middle_of_the_face_where_it_is(faces: list[TrainingFaces]) -> None:
    config = tiny_config(augmentation={"flip_probability": 1, "rotation": 0, "zoom": 0, "shift": 0}, coverage=0.8)
    dataset = make_dataset(faces, config, 3, 4)
    target_map = next(iter(dataset))["target_map"].numpy().reshape(-1, 2, 3)
    points = network_crop(config).template_xy()
    places = (points + 0.5) / config.network.size - 0.5
    # Eyes, nose and mouth of a mirrored face lie where they lay, left and right exchanged, to a hundredth of a pixel.
    mirror_image = places[[1, 0, 2, 4, 3]]
    for affine in target_map:
        np.testing.assert_allclose(places @ affine[:, :2].T + affine[:, 2], mirror_image, atol=3e-4)


def test_what_is_switched_off_is_not_in_a_batch(faces: list[TrainingFaces]) -> None:
    (batch,) = batches(faces, 0, 1, augmentation={"occlusion_probability": 0, "degradation_probability": 0, "warp": 0.02})
    assert set(batch) == {
        "crops",
        "landmarks",
        "mirrored",
        "target_map",
        "input_map",
        "light",
        "warp",
    }


def rows_of(sources: list[int], yaws: list[float]) -> list[FaceRow]:
    """Faces that differ in source and yaw alone."""
    row = FaceRow.model_construct
    return [
        row(source=s, pose=Pose(yaw=yaw, pitch=0, roll=0))
        for s, yaw in zip(sources, yaws, strict=True)
    ]


def test_weights_even_out_poses_and_sources() -> None:
    rows = rows_of([0] * 8 + [1] * 2, [0] * 10)
    np.testing.assert_array_equal(balanced_weights(rows, 0, mirrored=True), 1)
    even = balanced_weights(rows, 1, mirrored=True)
    assert even[:8].sum() == pytest.approx(even[8:].sum())
    half = balanced_weights(rows, 0.5, mirrored=True)
    assert half[9] / half[0] == pytest.approx(2)
    # Source and pose rare together are not counted twice; each for itself is evened out.
    both = balanced_weights(rows_of([0] * 8 + [1] * 2, [0] * 8 + [40] * 2), 1, mirrored=True)
    assert both[:8].sum() == pytest.approx(both[8:].sum())
    crossed = balanced_weights(
        rows_of([0] * 6 + [1] * 4, [0, 0, 0, 0, 40, 40, 0, 0, 0, 40]), 1, mirrored=True
    )
    assert crossed[:6].sum() == pytest.approx(crossed[6:].sum(), rel=1e-3)
    assert crossed[[4, 5, 9]].sum() == pytest.approx(crossed.sum() / 2, rel=1e-3)
    left_and_right = rows_of([0] * 10, [-20] * 8 + [20] * 2)
    np.testing.assert_array_equal(balanced_weights(left_and_right, 1, mirrored=True), 1)
    assert balanced_weights(left_and_right, 1, mirrored=False)[9] > 2
    # One face of a thousand is not seen five hundred times as often.
    assert balanced_weights(rows_of([0] * 1000, [0] * 999 + [70]), 1, mirrored=True).max() == 4


def test_rare_faces_are_drawn_oftener_and_the_same_ones_again(tmp_path: Path) -> None:
    usual = [FaceSpec(number=n, source=0, yaw=0, pitch=0, mouth_open=0.2) for n in range(36)]
    rare = [
        FaceSpec(number=n, source=1, yaw=40, pitch=0, mouth_open=0.2, light=0.7)
        for n in range(36, 40)
    ]
    faceset = write_faceset(tmp_path / "faces", [*usual, *rare])
    shares = []
    for balance in (0, 0.5, 1):
        config = tiny_config(sampling_balance=balance, validation_faces=0, batch_size=50)
        loaded = load_faces(faceset, config)
        first, again = (
            [b["crops"].numpy() for b in make_dataset([loaded], config, 0, 8)] for _ in range(2)
        )
        np.testing.assert_array_equal(first, again)
        shares.append(
            np.mean([(crop == loaded.crops[-1]).all() for crop in np.concatenate(first)[:, 0]])
        )
    assert shares[0] == pytest.approx(0.1, abs=0.04)
    # Three times as often each, the root of nine.
    assert shares[1] == pytest.approx(0.25, abs=0.06)
    # Nine times would be even, five times the average; four times is the most.
    assert shares[2] == pytest.approx(16 / 36, abs=0.07)
