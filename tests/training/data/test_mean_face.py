"""What a person's template begins as: the faces brought to one form, which keeps what lies on them sharp."""

import cv2
import numpy as np

from faceloom_train.augmentation.geometry import MARGIN
from faceloom_train.data.dataset import TrainingFaces
from faceloom_train.data.mean_face import first_template

_SIZE, _WIDE = 64, round(64 * MARGIN)


def test_faces_in_different_places_make_one_sharp_picture() -> None:
    rng = np.random.default_rng(0)
    face = cv2.GaussianBlur(rng.integers(0, 256, (_WIDE, _WIDE, 4), np.uint8), (0, 0), 1.5)
    face = cv2.normalize(face, None, 0, 255, cv2.NORM_MINMAX)
    mesh = np.float32(rng.uniform(-0.4, 0.4, (468, 2)))
    steps = (-4, -2, 0, 2, 4)
    crops = [np.roll(face, step, 1) for step in steps]
    meshes = [mesh + np.float32([step / _SIZE, 0]) for step in steps]
    # Two in profile, which would show something else where they have nothing.
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
    template = first_template(faces, _SIZE)
    assert template.shape == (_SIZE, _SIZE, 4)
    margin, inside = (_WIDE - _SIZE) // 2, slice(12, -12)
    wanted = face[margin:-margin, margin:-margin] / 255
    plain = np.mean(crops[:5], 0)[margin:-margin, margin:-margin] / 255
    off, blurred = (np.abs(made - wanted)[inside, inside].mean() for made in (template, plain))
    assert off < blurred / 4
