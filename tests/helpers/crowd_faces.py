"""Rendered people for tests of the pretraining."""

import numpy as np

from faceloom.array_types import float32
from faceloom.faces.landmarks import EXPRESSION_LANDMARKS
from faceloom_train.data.dataset import TrainingFaces
from faceloom_train.pretraining.crowd_faces import CrowdFaces

SIDE = 40
CONTROLS = ("jaw", "blinkL", "blinkR")


def one_color_person(index: int, performances: list[int], group: int) -> CrowdFaces:
    """A person of one color whose performance k is the brightness k."""
    count = len(performances)
    crops = np.zeros((count, SIDE, SIDE, 5), np.uint8)
    crops[..., index % 3] = 50 + 40 * np.array(performances)[:, None, None]
    crops[:, 8:-8, 8:-8, 3:] = 255
    weights = np.ones(count, np.float32)
    landmarks = np.zeros((count, len(EXPRESSION_LANDMARKS), 2), np.float32)
    meshes = np.random.default_rng(0).uniform(-0.3, 0.3, (1, 468, 2)).repeat(count, 0)
    meshes += 0.01 * float32(performances)[:, None, None]
    faces = TrainingFaces(f"p{index}", crops, landmarks, float32(meshes), weights)
    expression = float32(performances)[:, None] / [4, 2, 8]
    gaze = float32(performances)[:, None] * [3, 1]
    return CrowdFaces(
        faces, np.array(performances, np.int32), group, float32(expression), CONTROLS, float32(gaze)
    )
