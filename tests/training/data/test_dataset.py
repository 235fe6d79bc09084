"""Batches are a pure function of seed and step, and rare faces are sampled more often."""

from pathlib import Path

import numpy as np
import pytest
from tests.helpers.facesets import FaceSpec, write_faceset
from tests.helpers.runs import tiny_config

from faceloom.faces.alignment import apply_affine
from faceloom.faces.landmarks import EXPRESSION_LANDMARKS, EXPRESSION_MIRROR_INDICES
from faceloom.faces.pose import Pose
from faceloom.faceset import FaceRow, FaceSet
from faceloom_train.augmentation.pipeline import center_crops
from faceloom_train.data.batch_packing import batch_layout, pack_batches, unpack_batch
from faceloom_train.data.dataset import TrainingFaces, load_faces, make_dataset, network_crop
from faceloom_train.data.sampling_weights import balanced_weights

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def faces(facesets: dict[str, Path]) -> list[TrainingFaces]:
    return [load_faces(FaceSet.read(path), tiny_config()) for path in facesets.values()]


def batches(
    faces: list[TrainingFaces], start: int, stop: int, **changes: object
) -> list[dict[str, np.ndarray]]:
    """The batches of a range of steps, as arrays."""
    dataset = make_dataset(faces, tiny_config(**changes), start, stop)
    return [{name: value.numpy() for name, value in batch.items()} for batch in dataset]


def test_loaded_crops_show_the_stored_crops_in_the_networks_geometry(
    faces: list[TrainingFaces], facesets: dict[str, Path]
) -> None:
    stored = FaceSet.read(facesets["ada"])
    assert faces[0].crops.shape == (16, 40, 40, 5)
    assert faces[0].landmarks.shape == (16, len(EXPRESSION_LANDMARKS), 2)
    np.testing.assert_allclose(np.median(faces[0].landmarks, axis=0), 0, atol=1e-4)
    # The nose tip of the stored crop lies inside the mask of the network's crop.
    row = stored.rows[0]
    crop = network_crop(tiny_config())
    nose = apply_affine(stored.geometry.affine_to(crop), stored.mesh_in_crop(row)[[4]])[0]
    center = center_crops(faces[0].crops[:1], 32)[0]
    assert center[int(nose[1]), int(nose[0]), 3] == 1
    stored_color = stored.read_crop(row)[::16, ::16].mean((0, 1)) / 255
    assert np.abs(center[..., :3].mean((0, 1)) - stored_color).max() < 0.25


def test_the_batch_of_a_step_does_not_depend_on_the_first_step(faces: list[TrainingFaces]) -> None:
    uninterrupted, resumed = batches(faces, 0, 6), batches(faces, 4, 6)
    for expected, batch in zip(uninterrupted[4:], resumed, strict=True):
        for name in expected:
            np.testing.assert_array_equal(expected[name], batch[name])
    jitter = uninterrupted[0]["color_jitter"]
    assert not np.array_equal(jitter, uninterrupted[1]["color_jitter"])
    assert not np.array_equal(jitter, batches(faces, 0, 1, seed=1)[0]["color_jitter"])


@pytest.mark.parametrize(
    "augmentation",
    [{}, {"warp": 0.02}, {"occlusion_probability": 0, "degradation_probability": 0}],
    ids=["default", "warp", "no occlusion or degradation"],
)
def test_unpacking_restores_a_packed_batch(
    faces: list[TrainingFaces], augmentation: dict[str, float]
) -> None:
    config = tiny_config(augmentation=augmentation)
    layout = batch_layout(config)
    (packed,) = pack_batches(make_dataset(faces, config, 3, 4), layout)
    (expected,) = batches(faces, 3, 4, augmentation=augmentation)
    assert set(packed) == {"crops", "numbers"}
    unpacked = unpack_batch(dict(packed), layout)
    assert set(unpacked) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(unpacked[name], value)


def test_a_batch_has_the_documented_shapes(faces: list[TrainingFaces]) -> None:
    (batch,) = batches(faces, 0, 1)
    shapes = {name: value.shape for name, value in batch.items()}
    assert shapes == {
        "crops": (2, 2, 40, 40, 5),
        "landmarks": (2, 2, len(EXPRESSION_LANDMARKS), 2),
        "mirrored": (2, 2),
        "target_transform": (2, 2, 2, 3),
        "input_transform": (2, 2, 2, 3),
        "color_jitter": (2, 2, 7),
        "occluder_transform": (2, 2, 2, 3),
        "occluder_params": (2, 2, 10),
        "blur": (2, 2),
        "jpeg_strength": (2, 2),
        "occluder_hidden": (2, 2),
    }
    assert batch["crops"].dtype == np.uint8


def test_each_column_holds_the_faces_of_one_identity(faces: list[TrainingFaces]) -> None:
    for batch in batches(faces, 0, 5):
        for index, own in enumerate(faces):
            for crop in batch["crops"][:, index]:
                assert (own.crops == crop).all((1, 2, 3)).any()


def test_mirroring_exchanges_left_and_right_landmarks(faces: list[TrainingFaces]) -> None:
    plain, mirrored = (
        batches(faces, 3, 4, augmentation={"flip_probability": probability})[0]
        for probability in (0, 1)
    )
    expected = plain["landmarks"][:, :, list(EXPRESSION_MIRROR_INDICES)] * np.float32([-1, 1])
    np.testing.assert_array_equal(mirrored["landmarks"], expected)
    assert (np.linalg.det(mirrored["target_transform"][..., :2]) < 0).all()


def test_a_batch_marks_the_mirrored_faces(faces: list[TrainingFaces]) -> None:
    sampled = batches(faces, 0, 8, augmentation={"flip_probability": 0.5})
    mirrored = np.stack([batch["mirrored"] for batch in sampled])
    transforms = np.stack([batch["target_transform"][..., :2] for batch in sampled])
    np.testing.assert_array_equal(mirrored == 1, np.linalg.det(transforms) < 0)
    assert set(mirrored.flat) == {0, 1}


def test_mirroring_keeps_the_center_of_the_face(faces: list[TrainingFaces]) -> None:
    augmentation = {"flip_probability": 1, "rotation": 0, "zoom": 0, "shift": 0}
    config = tiny_config(augmentation=augmentation, coverage=0.8)
    (batch,) = make_dataset(faces, config, 3, 4)
    transforms = batch["target_transform"].numpy().reshape(-1, 2, 3)
    points = (network_crop(config).template_xy() + 0.5) / config.network.size - 0.5
    # Eyes, nose and mouth stay in place to a hundredth of a pixel, left and right exchanged.
    expected = points[[1, 0, 2, 4, 3]]
    for affine in transforms:
        np.testing.assert_allclose(points @ affine[:, :2].T + affine[:, 2], expected, atol=3e-4)


def test_a_batch_has_no_arrays_for_augmentation_that_is_off(faces: list[TrainingFaces]) -> None:
    augmentation = {"occlusion_probability": 0, "degradation_probability": 0, "warp": 0.02}
    (batch,) = batches(faces, 0, 1, augmentation=augmentation)
    assert set(batch) == {
        "crops",
        "landmarks",
        "mirrored",
        "target_transform",
        "input_transform",
        "color_jitter",
        "warp",
    }


def face_rows(sources: list[int], yaws: list[float]) -> list[FaceRow]:
    """Rows with only a source and a yaw."""
    return [
        FaceRow.model_construct(file=source, pose=Pose(yaw=yaw, pitch=0, roll=0))
        for source, yaw in zip(sources, yaws, strict=True)
    ]


def test_weights_balance_poses_and_sources() -> None:
    rows = face_rows([0] * 8 + [1] * 2, [0] * 10)
    np.testing.assert_array_equal(balanced_weights(rows, 0, mirrored=True), 1)
    even = balanced_weights(rows, 1, mirrored=True)
    assert even[:8].sum() == pytest.approx(even[8:].sum())
    half = balanced_weights(rows, 0.5, mirrored=True)
    assert half[9] / half[0] == pytest.approx(2)
    # A face rare in source and pose does not count twice.
    both = balanced_weights(face_rows([0] * 8 + [1] * 2, [0] * 8 + [40] * 2), 1, mirrored=True)
    assert both[:8].sum() == pytest.approx(both[8:].sum())
    # Independent sources and poses are both balanced.
    crossed = balanced_weights(
        face_rows([0] * 6 + [1] * 4, [0, 0, 0, 0, 40, 40, 0, 0, 0, 40]), 1, mirrored=True
    )
    assert crossed[:6].sum() == pytest.approx(crossed[6:].sum(), rel=1e-3)
    assert crossed[[4, 5, 9]].sum() == pytest.approx(crossed.sum() / 2, rel=1e-3)
    # With mirroring, left and right count as one pose.
    left_and_right = face_rows([0] * 10, [-20] * 8 + [20] * 2)
    np.testing.assert_array_equal(balanced_weights(left_and_right, 1, mirrored=True), 1)
    assert balanced_weights(left_and_right, 1, mirrored=False)[9] > 2
    # No face is sampled more than 4 times as often as the average.
    assert balanced_weights(face_rows([0] * 1000, [0] * 999 + [70]), 1, mirrored=True).max() == 4


def test_rare_faces_are_sampled_more_often_and_reproducibly(tmp_path: Path) -> None:
    common = [FaceSpec(number=n, file=0, yaw=0, pitch=0, mouth_open=0.2) for n in range(36)]
    rare = [
        FaceSpec(number=n, file=1, yaw=40, pitch=0, mouth_open=0.2, light=0.7)
        for n in range(36, 40)
    ]
    faceset = write_faceset(tmp_path / "faces", [*common, *rare])
    fractions = []
    for balance in (0, 0.5, 1):
        config = tiny_config(sampling_balance=balance, validation_faces=0, batch_size=50)
        loaded = load_faces(faceset, config)
        first, again = (
            [b["crops"].numpy() for b in make_dataset([loaded], config, 0, 8)] for _ in range(2)
        )
        np.testing.assert_array_equal(first, again)
        fractions.append(
            np.mean([(crop == loaded.crops[-1]).all() for crop in np.concatenate(first)[:, 0]])
        )
    assert fractions[0] == pytest.approx(0.1, abs=0.04)
    # The square root of the full weight, 9: each rare face 3 times as often.
    assert fractions[1] == pytest.approx(0.25, abs=0.06)
    # The full weight would be 5 times the average; it is limited to 4 times.
    assert fractions[2] == pytest.approx(16 / 36, abs=0.07)
