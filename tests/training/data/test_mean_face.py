"""A mean face averages faces that are warped to one mesh, which keeps their details sharp."""

import cv2
import numpy as np
import pytest

from faceloom_train.augmentation.geometry import MARGIN
from faceloom_train.data.dataset import TrainingFaces
from faceloom_train.data.mean_face import compute_mean_face

pytestmark = pytest.mark.training

# Side of the mean face and of the stored crops, in pixels.
_SIZE = 64
_STORED_SIZE = round(64 * MARGIN)


def test_shifted_faces_make_one_sharp_mean_face() -> None:
    rng = np.random.default_rng(0)
    face = cv2.GaussianBlur(
        rng.integers(0, 256, (_STORED_SIZE, _STORED_SIZE, 4), np.uint8), (0, 0), 1.5
    )
    face = cv2.normalize(face, None, 0, 255, cv2.NORM_MINMAX)
    mesh = np.float32(rng.uniform(-0.4, 0.4, (468, 2)))
    shifts = (-4, -2, 0, 2, 4)
    crops = [np.roll(face, shift, 1) for shift in shifts]
    meshes = [mesh + np.float32([shift / _SIZE, 0]) for shift in shifts]
    # Two profiles, which must not be used: they do not show one side.
    crops += 2 * [np.full_like(face, 255)]
    meshes += [mesh * np.float32([0.5, 1]) + shift for shift in np.float32([[0.5, 0], [-0.5, 0]])]
    count = len(crops)
    faces = TrainingFaces(
        "ada",
        np.stack(crops),
        np.zeros((count, 2, 2), np.float32),
        np.stack(meshes),
        np.ones(count, np.float32),
    )
    mean_face = compute_mean_face(faces, _SIZE)
    assert mean_face.shape == (_SIZE, _SIZE, 4)
    margin, interior = (_STORED_SIZE - _SIZE) // 2, slice(12, -12)
    expected = face[margin:-margin, margin:-margin] / 255
    plain_mean = np.mean(crops[:5], 0)[margin:-margin, margin:-margin] / 255
    error, plain_error = (
        np.abs(image - expected)[interior, interior].mean() for image in (mean_face, plain_mean)
    )
    assert error < plain_error / 4


def still_faces(crops: list[np.ndarray]) -> TrainingFaces:
    """Faces with one mesh, each twice, since the half closest to the median mesh is used."""
    mesh = np.float32(np.random.default_rng(0).uniform(-0.4, 0.4, (468, 2)))
    count = 2 * len(crops)
    return TrainingFaces(
        "ada",
        np.stack([*crops, *crops]),
        np.zeros((count, 2, 2), np.float32),
        np.stack([mesh] * count),
        np.ones(count, np.float32),
    )


def test_what_hides_a_face_is_left_out() -> None:
    skin, hair = np.uint8([200, 150, 100]), np.uint8([10, 10, 10])
    outline = np.zeros((_STORED_SIZE, _STORED_SIZE), np.uint8)
    outline[10:-10, 10:-10] = 255
    crops = []
    # A fringe that is always there, and a hand that passes.
    for left in (10, 30, 50):
        visible = outline.copy()
        visible[10:30] = 0
        visible[40:60, left : left + 10] = 0
        rgb = np.where((visible > 0)[..., None], skin, hair)
        crops.append(np.dstack([rgb, visible, outline]))
    mean_face = compute_mean_face(still_faces(crops), _SIZE)
    inside = slice(8, -8)
    assert np.abs(mean_face[inside, inside, :3] * 255 - skin).max() < 12
    # The mask still says how often the face is seen.
    assert mean_face[10:18, 20:40, 3].max() < 0.05
    assert mean_face[35:50, 4:11, 3].mean() == pytest.approx(2 / 3, abs=0.05)


def test_hair_leaves_no_line_where_it_ends() -> None:
    skin, hair = np.uint8([200, 150, 100]), np.uint8([10, 10, 10])
    outline = np.zeros((_STORED_SIZE, _STORED_SIZE), np.uint8)
    outline[10:-10, 10:-10] = 255
    crops = []
    # The hairline moves, and ends a pixel lower than the mask says.
    for hairline in (28, 30, 30, 32):
        visible = outline.copy()
        visible[:hairline] = 0
        rgb = np.broadcast_to(skin, (_STORED_SIZE, _STORED_SIZE, 3)).copy()
        rgb[: hairline + 1] = hair
        crops.append(np.dstack([rgb, visible, outline]))
    mean_face = compute_mean_face(still_faces(crops), _SIZE)
    assert np.abs(mean_face[10:-8, 8:-8, :3] * 255 - skin).max() < 12
