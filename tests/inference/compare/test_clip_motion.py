"""The motion of a clip is read from one network's landmarks for all versions."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from tests.helpers.region_maps import face_area, labels_of_face, picture_of

from faceloom.compare.clip_metrics import ClipMetrics, IdentityReferences
from faceloom.compare.expression import FEATURES
from faceloom.compare.observations import (
    CROP,
    FaceMeasurements,
    FaceObservation,
    FaceRegion,
    FrameObservation,
)

FRAMES = 12
FACE = np.random.default_rng(2).normal(128, 40, (468, 3)).astype(np.float32)
LIPS = list(FEATURES["mouth_motion"][0].points)


def measured(frame: int, motion: float, expression_motion: float | None) -> FaceMeasurements:
    """Return a face whose lips move by so many pixels in the landmarks of either network."""

    def mesh(pixels: float) -> np.ndarray:
        moved = FACE.copy()
        moved[LIPS, 1] += pixels * np.float32(np.sin(2.4 * frame))
        return moved

    found = replace(FaceMeasurements.none(), mesh=mesh(motion), angles=np.zeros(3, np.float32))
    if expression_motion is None:
        return found
    return replace(found, expression_mesh=mesh(expression_motion))


def mouth_motion(read_frames: int) -> float:
    """Return what a swap keeps whose expressions are read in the first frames alone.

    Its lips move half as much as the target's by the face mesh network, and not at all by the
    network that reads expressions.
    """
    picture = picture_of(labels_of_face())
    region = FaceRegion(cv2.resize(face_area().astype(np.uint8), (CROP.size, CROP.size)) > 0)
    clip = ClipMetrics()
    for frame in range(FRAMES):
        swap = measured(frame, 5, 0 if frame < read_frames else None)
        versions = tuple(FaceObservation(picture, face) for face in (measured(frame, 10, 10), swap))
        clip.add(FrameObservation(frame, versions, region))
    return float(np.nanmean(clip.series(1, IdentityReferences(None, None))["mouth_motion"]))


@pytest.mark.parametrize(("read_frames", "kept"), [(FRAMES, 0), (4, 0.75), (1, 0.75), (0, 0.75)])
def test_motion_is_measured_where_hardly_an_expression_is_read(
    read_frames: int, kept: float
) -> None:
    assert mouth_motion(read_frames) == pytest.approx(kept, abs=0.02)
