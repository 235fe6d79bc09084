"""Lids, gaze and mouth follow the rendered truth, whichever way the head is turned."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloom.array_types import Rgb, float32
from faceloom.faces.alignment import apply_affine
from faceloom.faces.expression import BLENDSHAPE_NAMES, ExpressionReader, FaceExpression
from faceloom.faces.face_finder import FaceFinder
from faceloom.video import read_frames

# Frames of the sample around its only blink, and others with speech and glances.
FRAMES = (0, 8, 14, 20, 28, 32, 36, 37, 38, 39, 42, 50, 58, 66, 74)
SHUT = [37, 38, 39]


@dataclass(frozen=True)
class Clip:
    """Some frames of the sample, and what is true of them."""

    pictures: list[Rgb]
    meshes: list[np.ndarray]
    faces: list[FaceExpression]
    blink: np.ndarray
    gaze_x: np.ndarray
    jaw: np.ndarray


@pytest.fixture(scope="module")
def reader() -> ExpressionReader:
    return ExpressionReader()


@pytest.fixture(scope="module", params=["target_ada", "truth_ben"])
def clip(sample: Path, reader: ExpressionReader, request: pytest.FixtureRequest) -> Clip:
    name = request.param
    frames = [frame.rgb for frame in read_frames(sample / f"{name}.mp4")]
    pictures = [frames[index] for index in FRAMES]
    finder = FaceFinder()
    meshes = [finder.find([picture])[0][0].landmarks.points_xy for picture in pictures]
    truth = np.load(sample / f"{name}.npz")
    expression = truth["expr"][list(FRAMES), 0].astype(float)
    # The weights of the renderer: 0 opens the jaw, 22 and 23 shut the eyes.
    blink, jaw = expression[:, 22:24].mean(1), expression[:, 0]
    gaze_x = truth["gaze"][list(FRAMES), 0, 0].astype(float)
    return Clip(pictures, meshes, reader.read(pictures, meshes), blink, gaze_x, jaw)


def correlation(values: list[float], truth: np.ndarray) -> float:
    return float(np.corrcoef(values, truth)[0, 1])


def test_lids_follow_the_truth(clip: Clip) -> None:
    lids = [face.lid_opening for face in clip.faces]
    assert correlation(lids, clip.blink) < -0.9
    shut = [FRAMES.index(frame) for frame in SHUT]
    usual = float(np.median(lids))
    assert all((lid < 0.5 * usual) == (n in shut) for n, lid in enumerate(lids))
    weights = [face.weight("eyeBlinkLeft") + face.weight("eyeBlinkRight") for face in clip.faces]
    assert correlation(weights, clip.blink) > 0.9


def test_the_mouth_follows_the_truth(clip: Clip) -> None:
    assert correlation([face.mouth for face in clip.faces], clip.jaw) > 0.85
    assert correlation([face.weight("jawOpen") for face in clip.faces], clip.jaw) > 0.4


def test_the_gaze_follows_the_truth(clip: Clip) -> None:
    is_open = clip.blink < 0.2
    gaze = np.stack([face.gaze.mean(0) for face in clip.faces])
    assert correlation(gaze[is_open, 0].tolist(), clip.gaze_x[is_open]) > 0.6


def test_a_mirrored_face_has_the_eyes_exchanged(clip: Clip, reader: ExpressionReader) -> None:
    picture, width = clip.pictures[0], clip.pictures[0].shape[1]
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    mesh = FaceFinder().find([mirrored])[0][0].landmarks.points_xy
    (face,) = reader.read([mirrored], [mesh])
    original = clip.faces[0]
    assert face.lids == pytest.approx(original.lids[::-1], abs=0.06)
    assert face.gaze[:, 0] == pytest.approx(-original.gaze[::-1, 0], abs=0.08)
    assert face.mouth == pytest.approx(original.mouth, abs=0.05)
    assert width - 1 - mesh[:, 0].mean() == pytest.approx(clip.meshes[0][:, 0].mean(), abs=3)


@pytest.mark.parametrize("angle", [-30, 45])
def test_a_tilted_head_measures_the_same(clip: Clip, reader: ExpressionReader, angle: int) -> None:
    height, width = clip.pictures[0].shape[:2]
    turn = float32(cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1))
    turned = cv2.warpAffine(clip.pictures[0], turn, (width, height), flags=cv2.INTER_CUBIC)
    (face,) = reader.read([turned], [apply_affine(turn, clip.meshes[0])])
    assert face.lids == pytest.approx(clip.faces[0].lids, abs=0.03)
    assert face.gaze == pytest.approx(clip.faces[0].gaze, abs=0.05)


def test_a_batch_reads_as_single_faces_do(clip: Clip, reader: ExpressionReader) -> None:
    for n in (0, 5, 14):
        (face,) = reader.read([clip.pictures[n]], [clip.meshes[n]])
        assert face.weights == pytest.approx(clip.faces[n].weights, abs=1e-4)
    assert reader.read([], []) == []


def test_scores_tell_faces_from_walls(clip: Clip, reader: ExpressionReader) -> None:
    wall = np.full_like(clip.pictures[0], 120)
    (none,) = reader.read([wall], [clip.meshes[0]])
    assert none.score < 0.5 < clip.faces[0].score


def test_weights_have_names() -> None:
    assert len(set(BLENDSHAPE_NAMES)) == 52
