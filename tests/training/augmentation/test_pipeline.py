"""Augmentation transforms, occludes and degrades exactly what its parameters describe."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from tests.helpers.runs import tiny_config, tiny_run

from faceloom.faceset import FaceSet
from faceloom_train.augmentation.degradation import degrade, gaussian_blur, quantize_jpeg
from faceloom_train.augmentation.parameters import sample_augmentation
from faceloom_train.augmentation.pipeline import center_crops, make_augmentation
from faceloom_train.config.schema import AugmentationConfig
from faceloom_train.data.dataset import TrainingFaces, load_faces
from faceloom_train.model.model_builder import build_compiled_model
from faceloom_train.reporting.previews import write_examples

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def faces(facesets: dict[str, Path]) -> list[TrainingFaces]:
    config = tiny_config(face_mask="mesh")
    return [load_faces(FaceSet.read(path), config) for path in facesets.values()]


def parameters(count: int, **changes: np.ndarray) -> dict[str, np.ndarray]:
    """Parameters that change nothing, except for `changes`."""
    identity = np.tile(np.float32([[1, 0, 0], [0, 1, 0]]), (count, 1, 1))
    neutral = {
        "target_transform": identity,
        "input_transform": identity,
        "color_jitter": np.tile(np.float32([1, 1, 1, 1, 0, 0, 0]), (count, 1)),
    }
    return {**neutral, **changes}


def augment(
    crops: np.ndarray, *, jit_compile: bool = False, **changes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The target [n, 32, 32, c], and the input with its face mask [n, 32, 32, 4]."""
    batch = {"crops": crops, **parameters(len(crops), **changes)}
    batch = {name: ops.convert_to_tensor(value) for name, value in batch.items()}
    target, inputs, face_mask = (
        ops.convert_to_numpy(x) for x in make_augmentation(32, jit_compile)(batch)
    )
    return target, np.concatenate([inputs, face_mask], -1)


def test_no_augmentation_gives_the_center_of_the_crop(faces: list[TrainingFaces]) -> None:
    crops = faces[0].crops[:3]
    target, inputs = augment(crops)
    np.testing.assert_allclose(target, crops[:, 4:36, 4:36] / 255, atol=1e-5)
    np.testing.assert_allclose(inputs, target, atol=1e-5)
    np.testing.assert_allclose(center_crops(crops, 32), target, atol=1e-5)


def test_the_transforms_move_target_and_input(faces: list[TrainingFaces]) -> None:
    crops = faces[0].crops[:1]
    step = 3 / 32  # three pixels of the network's crop
    shift = np.float32([[[1, 0, step], [0, 1, 0]]])
    target, inputs = augment(crops, target_transform=shift)
    np.testing.assert_allclose(target, crops[:, 4:36, 7:39] / 255, atol=1e-4)
    np.testing.assert_allclose(inputs, target, atol=1e-5)
    target, inputs = augment(crops, input_transform=shift)
    np.testing.assert_allclose(target, crops[:, 4:36, 4:36] / 255, atol=1e-4)
    np.testing.assert_allclose(inputs, crops[:, 4:36, 7:39] / 255, atol=1e-4)
    flip = np.float32([[[-1, 0, 0], [0, 1, 0]]])
    target, _ = augment(crops, target_transform=flip)
    np.testing.assert_allclose(target, crops[:, 4:36, 4:36][:, :, ::-1] / 255, atol=1e-4)


def test_warp_and_color_jitter_change_only_the_input(faces: list[TrainingFaces]) -> None:
    crops = faces[0].crops[:2]
    plain, _ = augment(crops)
    warp = np.random.default_rng(0).normal(0, 0.05, (2, 5, 5, 2)).astype(np.float32)
    target, inputs = augment(crops, warp=warp)
    np.testing.assert_array_equal(target, plain)
    assert np.abs(inputs - plain).mean() > 0.01
    dark = np.tile(np.float32([0.5, 0.5, 0.5, 1, 0, 0, 0]), (2, 1))
    target, inputs = augment(crops, color_jitter=dark)
    np.testing.assert_array_equal(target, plain)
    np.testing.assert_allclose(inputs[..., :3], plain[..., :3] / 2, atol=1e-5)
    np.testing.assert_array_equal(inputs[..., 3], plain[..., 3])


def test_light_jitter_changes_input_and_target_alike(faces: list[TrainingFaces]) -> None:
    crops = faces[0].crops[:2]
    plain, _ = augment(crops)
    dark = np.tile(np.float32([0.5, 0.5, 0.5, 1, 0, 0, 0]), (2, 1))
    target, inputs = augment(crops, light_jitter=dark)
    np.testing.assert_allclose(target[..., :3], plain[..., :3] / 2, atol=1e-5)
    np.testing.assert_array_equal(target[..., 3:], plain[..., 3:])
    np.testing.assert_allclose(inputs[..., :3], target[..., :3], atol=1e-5)


def occluder(
    x: float, y: float, *, half_width: float = 0.15, visible: float = 1, skin: float = -1
) -> dict[str, np.ndarray]:
    """A blue disc with a hard edge at x, y from the crop's center."""
    transform = np.float32([[1, 0, -x], [0, 1, -y]]) / half_width
    params = np.float32([0, 0, 1, skin, 0, 0, 2, 0, visible, 50])
    return {"occluder_transform": transform[None], "occluder_params": params[None]}


def test_an_occluder_is_in_input_and_target_but_not_in_the_target_mask(
    faces: list[TrainingFaces],
) -> None:
    crops = faces[0].crops[:1]
    plain, _ = augment(crops)
    target, inputs = augment(crops, **occluder(0, 0))
    np.testing.assert_allclose(inputs[..., :3], target[..., :3], atol=1e-5)
    np.testing.assert_array_equal(inputs[..., 3], plain[..., 3])
    y, x = (np.mgrid[:32, :32] + 0.5) / 32 - 0.5
    distance = np.hypot(x, y)
    np.testing.assert_allclose(
        target[0, distance < 0.13], np.tile([0, 0, 1, 0], (np.sum(distance < 0.13), 1)), atol=1e-5
    )
    np.testing.assert_array_equal(target[0, distance > 0.17], plain[0, distance > 0.17])
    invisible, _ = augment(crops, **occluder(0, 0, visible=0))
    np.testing.assert_array_equal(invisible, plain)


@pytest.mark.parametrize("hidden", [0, 1])
def test_an_occluder_of_the_visible_face_may_be_hidden_from_the_input(
    faces: list[TrainingFaces], hidden: int
) -> None:
    crops, disc = faces[0].crops[:1], occluder(0, 0)
    # The lower half of the face is hidden by something else.
    lower = np.arange(40)[:, None] >= 20
    visible = np.where(lower, 0, crops[..., 3])[..., None]
    regions = np.concatenate([crops[..., :3], visible, crops[..., 3:]], -1)
    target, inputs = augment(regions, occluder_hidden=np.float32([hidden]), **disc)
    plain, _ = augment(crops)
    covered, _ = augment(crops, **disc)
    np.testing.assert_allclose(target[..., :3], covered[..., :3], atol=1e-5)
    np.testing.assert_allclose(target[0, :16, :, 3], covered[0, :16, :, 3], atol=1e-5)
    assert not target[0, 17:, :, 3].any()
    np.testing.assert_allclose(target[..., 4], plain[..., 3], atol=1e-5)
    shown = covered if hidden else plain
    np.testing.assert_allclose(inputs[0, :16, :, 3], shown[0, :16, :, 3], atol=1e-5)
    assert not inputs[0, 17:, :, 3].any()


def test_an_occluder_moves_with_the_input(faces: list[TrainingFaces]) -> None:
    step = np.float32([[[1, 0, 3 / 32], [0, 1, 0]]])
    target, inputs = augment(faces[0].crops[:1], input_transform=step, **occluder(0, 0.1))
    np.testing.assert_allclose(inputs[:, :, :29, :3], target[:, :, 3:, :3], atol=1e-4)


def test_a_skin_occluder_has_the_color_of_the_face(faces: list[TrainingFaces]) -> None:
    crops = faces[0].crops[:1]
    skin = crops[0][crops[0, ..., 3] > 0][:, :3].mean(0) / 255
    target, _ = augment(crops, **occluder(0, 0, skin=1))
    np.testing.assert_allclose(target[0, 16, 16, :3], skin * 1.2, atol=0.06)


def test_occlusion_and_degradation_have_their_probabilities() -> None:
    config = AugmentationConfig(
        occlusion_probability=0.3, degradation_probability=0.4, blur=0.02, jpeg_strength=2
    )
    samples = [
        sample_augmentation(tf.constant([0, n], tf.int64), (20, 2), config) for n in range(60)
    ]
    params, blur, jpeg_strength = (
        np.stack([batch[name].numpy() for batch in samples])
        for name in ("occluder_params", "blur", "jpeg_strength")
    )
    assert params[..., 8].mean() == pytest.approx(0.3, abs=0.04)
    degraded = blur.max((1, 2)) > 0
    assert degraded.mean() == pytest.approx(0.4, abs=0.15)
    assert not jpeg_strength[~degraded].any()
    # Within a degraded step, every face has its own strength.
    assert np.percentile(blur[degraded], [5, 95]) == pytest.approx([0.001, 0.019], abs=0.001)
    assert np.percentile(jpeg_strength[degraded], [5, 95]) == pytest.approx([0.1, 1.9], abs=0.1)


def smooth_images(seed: int = 0) -> np.ndarray:
    """Two smooth images [2, 3, 32, 32]."""
    noise = np.random.default_rng(seed).random((2, 3, 8, 8), np.float32)
    return np.stack([[cv2.resize(plane, (32, 32)) for plane in image] for image in noise])


def test_blur_is_a_gaussian_with_a_sigma_for_each_face() -> None:
    rgb = smooth_images()
    blurred = ops.convert_to_numpy(
        gaussian_blur(ops.convert_to_tensor(rgb), ops.convert_to_tensor(np.float32([0, 1.5])))
    )
    np.testing.assert_allclose(blurred[0], rgb[0], atol=1e-5)
    expected = cv2.GaussianBlur(np.moveaxis(rgb[1], 0, -1), (31, 31), 1.5)
    interior = slice(8, -8)
    np.testing.assert_allclose(
        blurred[1][:, interior, interior],
        np.moveaxis(expected, -1, 0)[:, interior, interior],
        atol=1e-3,
    )
    constant = ops.ones((1, 3, 16, 16))
    np.testing.assert_allclose(
        ops.convert_to_numpy(gaussian_blur(constant, ops.ones((1,)))), 1, atol=1e-5
    )


def test_jpeg_quantization_rounds_the_dct_coefficients_of_each_block() -> None:
    rgb = smooth_images() * 0.5 + 0.25
    compressed = ops.convert_to_numpy(
        quantize_jpeg(ops.convert_to_tensor(rgb), ops.convert_to_tensor(np.float32([0, 2])))
    )
    np.testing.assert_allclose(compressed[0], rgb[0], atol=1e-5)
    coefficients = cv2.dct(compressed[1, 0, 8:16, 16:24])
    frequency = np.arange(8)
    steps = 2 * (10 + 8 * (frequency[:, None] + frequency)) / 255
    np.testing.assert_allclose(coefficients / steps, np.round(coefficients / steps), atol=1e-3)
    assert 0.005 < np.abs(compressed[1] - rgb[1]).mean() < 0.05


def test_degradation_changes_only_the_input(faces: list[TrainingFaces]) -> None:
    crops = faces[0].crops[:2]
    plain, _ = augment(crops)
    strengths = {"blur": np.float32([0, 0.05]), "jpeg_strength": np.float32([0, 1])}
    target, inputs = augment(crops, **strengths)
    np.testing.assert_array_equal(target, plain)
    np.testing.assert_allclose(inputs[0], plain[0], atol=1e-4)
    assert np.abs(inputs[1, ..., :3] - plain[1, ..., :3]).mean() > 0.01
    np.testing.assert_array_equal(inputs[1, ..., 3], plain[1, ..., 3])
    rgb = ops.convert_to_tensor(smooth_images())
    np.testing.assert_array_equal(
        ops.convert_to_numpy(degrade(rgb, ops.zeros((2,)), ops.zeros((2,)))), smooth_images()
    )


def test_compiled_augmentation_gives_the_same_images(faces: list[TrainingFaces]) -> None:
    config = AugmentationConfig(
        warp=0.02, occlusion_probability=1, degradation_probability=1, rotation=5
    )
    sampled = sample_augmentation(tf.constant([0, 1], tf.int64), (6, 1), config)
    changes = {name: value.numpy()[:, 0] for name, value in sampled.items()}
    eager = augment(faces[0].crops[:6], **changes)
    compiled = augment(faces[0].crops[:6], jit_compile=True, **changes)
    for expected, images in zip(eager, compiled, strict=True):
        # A coefficient halfway between two steps may be rounded to the other one.
        assert np.mean(np.abs(expected - images) > 1e-4) < 0.02
        assert np.abs(expected - images).mean() < 1e-3


def test_the_sheet_of_examples_shows_inputs_targets_and_masks(
    tmp_path: Path, facesets: dict[str, Path], faces: list[TrainingFaces]
) -> None:
    augmentation = {"occlusion_probability": 0, "degradation_probability": 0}
    run = tiny_run(tmp_path / "run", facesets, augmentation=augmentation)
    model = build_compiled_model(run.settings, run.identities)
    write_examples(model, faces, run.examples_path)
    sheet = cv2.imread(str(run.examples_path))
    # Cells of 160 pixels, each with its label of 22 pixels below it.
    assert sheet.shape == (6 * (160 + 22), 6 * 160, 3)
    for input_column, mask_column in ((0, 2), (3, 5)):
        background = sheet[:160, 160 * mask_column : 160 * (mask_column + 1), 0] == 0
        inputs = sheet[:160, 160 * input_column : 160 * (input_column + 1)]
        # The input is gray outside the mask, except where `input_transform` has moved the face.
        assert (inputs[background] == 128).all(-1).mean() > 0.7
        assert (inputs[~background] == 128).all(-1).mean() < 0.3
