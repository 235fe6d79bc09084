"""Augmentation moves pixels where it says, and covers and spoils what it should alone."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from tests.helpers.runs import tiny_config, tiny_run

from faceloom.faceset import FaceSet
from faceloom_train.augmentation.degradation import blurred, compressed, spoil
from faceloom_train.augmentation.parameters import sample_augmentation
from faceloom_train.augmentation.pipeline import make_augmentation, middle_of
from faceloom_train.config.schema import AugmentationConfig
from faceloom_train.data.dataset import TrainingFaces, load_faces
from faceloom_train.loop.trainer import build_compiled_model
from faceloom_train.reporting.previews import write_examples


@pytest.fixture(scope="module")
def faces(facesets: dict[str, Path]) -> list[TrainingFaces]:
    return [load_faces(FaceSet.read(path), tiny_config()) for path in facesets.values()]


def parameters(count: int, **changes: np.ndarray) -> dict[str, np.ndarray]:
    """Parameters that change nothing, but for `changes`."""
    identity = np.tile(np.float32([[1, 0, 0], [0, 1, 0]]), (count, 1, 1))
    still = {
        "target_map": identity,
        "input_map": identity,
        "light": np.tile(np.float32([1, 1, 1, 1, 0, 0, 0]), (count, 1)),
    }
    return {**still, **changes}


def augmented(
    crops: np.ndarray, *, jit_compile: bool = False, **changes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What is wanted and what is seen with its outline, [n, 32, 32, 4] each."""
    batch = {"crops": crops, **parameters(len(crops), **changes)}
    batch = {name: ops.convert_to_tensor(value) for name, value in batch.items()}
    wanted, seen, outline = (
        ops.convert_to_numpy(x) for x in make_augmentation(32, jit_compile)(batch)
    )
    return wanted, np.concatenate([seen, outline], -1)


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


def occluder(
    x: float, y: float, *, width: float = 0.15, there: float = 1, skin: float = -1
) -> dict[str, np.ndarray]:
    """A blue disc of that half width, with a hard edge, in the middle of a crop but for x, y."""
    turned = np.float32([[1, 0, -x], [0, 1, -y]]) / width
    look = np.float32([0, 0, 1, skin, 0, 0, 2, 0, there, 50])
    return {"occluder_map": turned[None], "occluder_look": look[None]}


def test_an_occluder_is_wanted_and_seen_and_only_the_wanted_mask_knows(
    faces: list[TrainingFaces],
) -> None:
    crops = faces[0].crops[:1]
    plain, _ = augmented(crops)
    wanted, seen = augmented(crops, **occluder(0, 0))
    np.testing.assert_allclose(seen[..., :3], wanted[..., :3], atol=1e-5)
    np.testing.assert_array_equal(seen[..., 3], plain[..., 3])
    y, x = (np.mgrid[:32, :32] + 0.5) / 32 - 0.5
    far = np.hypot(x, y)
    np.testing.assert_allclose(
        wanted[0, far < 0.13], np.tile([0, 0, 1, 0], (np.sum(far < 0.13), 1)), atol=1e-5
    )
    np.testing.assert_array_equal(wanted[0, far > 0.17], plain[0, far > 0.17])
    absent, _ = augmented(crops, **occluder(0, 0, there=0))
    np.testing.assert_array_equal(absent, plain)


def test_an_occluder_moves_with_the_input(faces: list[TrainingFaces]) -> None:
    step = np.float32([[[1, 0, 3 / 32], [0, 1, 0]]])
    wanted, seen = augmented(faces[0].crops[:1], input_map=step, **occluder(0, 0.1))
    np.testing.assert_allclose(seen[:, :, :29, :3], wanted[:, :, 3:, :3], atol=1e-4)


def test_skin_is_that_of_the_face(faces: list[TrainingFaces]) -> None:
    crops = faces[0].crops[:1]
    inside = crops[0][crops[0, ..., 3] > 0][:, :3].mean(0) / 255
    wanted, _ = augmented(crops, **occluder(0, 0, skin=1))
    np.testing.assert_allclose(wanted[0, 16, 16, :3], inside * 1.2, atol=0.06)


def test_so_many_faces_are_covered_and_so_many_steps_are_poor() -> None:
    augment = AugmentationConfig(
        occlusion_probability=0.3, degradation_probability=0.4, blur=0.02, jpeg_strength=2
    )
    drawn = [
        sample_augmentation(tf.constant([0, n], tf.int64), (20, 2), augment) for n in range(60)
    ]
    there, blur, compression = (
        np.stack([batch[name].numpy() for batch in drawn])
        for name in ("occluder_look", "blur", "compression")
    )
    assert there[..., 8].mean() == pytest.approx(0.3, abs=0.04)
    poor = blur.max((1, 2)) > 0
    assert poor.mean() == pytest.approx(0.4, abs=0.15)
    assert not compression[~poor].any()
    # Within a poor step every face has a strength of its own.
    assert np.percentile(blur[poor], [5, 95]) == pytest.approx([0.001, 0.019], abs=0.001)
    assert np.percentile(compression[poor], [5, 95]) == pytest.approx([0.1, 1.9], abs=0.1)


def pictures(seed: int = 0) -> np.ndarray:
    """Two smooth pictures [2, 3, 32, 32]."""
    noise = np.random.default_rng(seed).random((2, 3, 8, 8), np.float32)
    return np.stack([[cv2.resize(plane, (32, 32)) for plane in picture] for picture in noise])


def test_blur_is_a_gaussian_of_each_face_s_own_spread() -> None:
    rgb = pictures()
    found = ops.convert_to_numpy(
        blurred(ops.convert_to_tensor(rgb), ops.convert_to_tensor(np.float32([0, 1.5])))
    )
    np.testing.assert_allclose(found[0], rgb[0], atol=1e-5)
    expected = cv2.GaussianBlur(np.moveaxis(rgb[1], 0, -1), (31, 31), 1.5)
    inner = slice(8, -8)
    np.testing.assert_allclose(
        found[1][:, inner, inner], np.moveaxis(expected, -1, 0)[:, inner, inner], atol=1e-3
    )
    flat = ops.ones((1, 3, 16, 16))
    np.testing.assert_allclose(ops.convert_to_numpy(blurred(flat, ops.ones((1,)))), 1, atol=1e-5)


def test_compression_leaves_multiples_of_a_step_in_every_block() -> None:
    rgb = pictures() * 0.5 + 0.25
    found = ops.convert_to_numpy(
        compressed(ops.convert_to_tensor(rgb), ops.convert_to_tensor(np.float32([0, 2])))
    )
    np.testing.assert_allclose(found[0], rgb[0], atol=1e-5)
    block = cv2.dct(found[1, 0, 8:16, 16:24])
    along = np.arange(8)
    steps = 2 * (10 + 8 * (along[:, None] + along)) / 255
    np.testing.assert_allclose(block / steps, np.round(block / steps), atol=1e-3)
    assert 0.005 < np.abs(found[1] - rgb[1]).mean() < 0.05


def test_poor_footage_is_seen_only(faces: list[TrainingFaces]) -> None:
    crops = faces[0].crops[:2]
    plain, _ = augmented(crops)
    poor = {"blur": np.float32([0, 0.05]), "compression": np.float32([0, 1])}
    wanted, seen = augmented(crops, **poor)
    np.testing.assert_array_equal(wanted, plain)
    np.testing.assert_allclose(seen[0], plain[0], atol=1e-4)
    assert np.abs(seen[1, ..., :3] - plain[1, ..., :3]).mean() > 0.01
    np.testing.assert_array_equal(seen[1, ..., 3], plain[1, ..., 3])
    rgb = ops.convert_to_tensor(pictures())
    np.testing.assert_array_equal(
        ops.convert_to_numpy(spoil(rgb, ops.zeros((2,)), ops.zeros((2,)))), pictures()
    )


def test_compiled_it_does_the_same(faces: list[TrainingFaces]) -> None:
    drawn = sample_augmentation(
        tf.constant([0, 1], tf.int64),
        (6, 1),
        AugmentationConfig(warp=0.02, occlusion_probability=1, degradation_probability=1, rotation=5),
    )
    changes = {name: value.numpy()[:, 0] for name, value in drawn.items()}
    one_by_one = augmented(faces[0].crops[:6], **changes)
    together = augmented(faces[0].crops[:6], jit_compile=True, **changes)
    for expected, found in zip(one_by_one, together, strict=True):
        # A cosine that lies between two steps may be rounded to the other one.
        assert np.mean(np.abs(expected - found) > 1e-4) < 0.02
        assert np.abs(expected - found).mean() < 1e-3


def test_the_sheet_of_examples_shows_what_is_seen_wanted_and_masked(
    tmp_path: Path, facesets: dict[str, Path], faces: list[TrainingFaces]
) -> None:
    run = tiny_run(tmp_path / "run", facesets, augmentation={"occlusion_probability": 0, "degradation_probability": 0})
    model = build_compiled_model(run.settings, run.identities)
    write_examples(model, faces, run.examples_path)
    sheet = cv2.imread(str(run.examples_path))
    assert sheet.shape == (6 * 128, 6 * 128, 3)
    for seen, mask in ((0, 2), (3, 5)):
        outside = sheet[:128, 128 * mask : 128 * (mask + 1), 0] == 0
        shown = sheet[:128, 128 * seen : 128 * (seen + 1)]
        # Gray where nothing but background is, but for what the input was moved by.
        assert (shown[outside] == 128).all(-1).mean() > 0.7
        assert (shown[~outside] == 128).all(-1).mean() < 0.3
