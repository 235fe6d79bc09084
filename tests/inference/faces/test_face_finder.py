"""Detector, mesh, pose, mask and identity, held against the sample's exact truth."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloom.array_types import float32
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY, MobileFaceNet
from faceloom.faces.landmarks import EXPRESSION_LANDMARKS, EXPRESSION_MIRROR_INDICES
from faceloom.faces.mask import BACKGROUND_GRAY, mask_background, mesh_mask
from faceloom.faces.pose import head_pose
from faceloom.faces.retinaface import RetinaFace
from faceloom.video import read_frames

EVERY = 12


class Clip:
    """Every EVERY-th frame of a sample clip, its faces, and the truth about them."""

    def __init__(self, path: Path):
        self.frames = [frame.rgb for frame in read_frames(path) if frame.index % EVERY == 0]
        self.found = FaceFinder().find(self.frames)
        self._truth = dict(np.load(path.with_suffix(".npz")))
        self.people = json.loads(str(self._truth["meta"]))["people"]

    @property
    def faces(self) -> list[Face]:
        return [faces[0] for faces in self.found]

    def truth(self, name: str) -> np.ndarray:
        return self._truth[name][::EVERY, 0]

    def face_mask(self, number: int) -> np.ndarray:
        """The visible face: skin, eyes, brows, lashes, mouth (run-length labels)."""
        offsets = self._truth["label_off"]
        runs = slice(offsets[number * EVERY], offsets[number * EVERY + 1])
        labels = np.repeat(self._truth["label_val"][runs], self._truth["label_len"][runs])
        return np.isin(labels.reshape(self.frames[0].shape[:2]), [1, 4, 5, 6, 7, 8])


@pytest.fixture(scope="module", params=["train_ada", "train_ben", "target_ada", "target_ben"])
def clip(request: pytest.FixtureRequest, sample: Path) -> Clip:
    return Clip(sample / f"{request.param}.mp4")


def test_every_frame_has_its_one_face(clip: Clip) -> None:
    assert [len(faces) for faces in clip.found] == [1] * len(clip.frames)


def test_five_points_are_near_the_truth(clip: Clip) -> None:
    truth = clip.truth("lm5")
    apart = np.linalg.norm(truth[:, 0] - truth[:, 1], axis=1)
    found = np.stack([face.points_xy for face in clip.faces])
    error = np.linalg.norm(found - truth, axis=2) / apart[:, None]
    # The nose tip of the mesh is not the renderer's: ada's lies a tenth of the eye distance off.
    assert (error.mean(0) < [0.06, 0.06, 0.15, 0.08, 0.08]).all(), error.mean(0)


@pytest.mark.parametrize(("angle", "allowed"), [("yaw", 4.0), ("pitch", 6.0), ("roll", 3.0)])
def test_pose_is_near_the_truth(clip: Clip, angle: str, allowed: float) -> None:
    found = [getattr(head_pose(face.landmarks), angle) for face in clip.faces]
    assert np.abs(found - clip.truth(angle)).mean() < allowed


def test_mask_covers_the_face(clip: Clip) -> None:
    overlaps = []
    for number, face in enumerate(clip.faces):
        mask = mesh_mask(face.landmarks.points_xy, *clip.frames[0].shape[:2]) > 127
        truth = clip.face_mask(number)
        overlaps.append((mask & truth).sum() / (mask | truth).sum())
    assert np.mean(overlaps) > 0.85


def test_mirrored_landmarks_are_those_of_the_mirrored_picture(clip: Clip) -> None:
    picture = clip.frames[0]
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    there = FaceFinder().find([mirrored])[0][0].landmarks.points_xy[list(EXPRESSION_LANDMARKS)]
    here = clip.faces[0].landmarks.points_xy[list(EXPRESSION_LANDMARKS)]
    expected = here[list(EXPRESSION_MIRROR_INDICES)] * float32([-1, 1]) + float32(
        [picture.shape[1] - 1, 0]
    )
    # A wrong permutation is off by an eye's width or more, about 10 px here.
    assert np.linalg.norm(there - expected, axis=1).mean() < 4.5


def test_identity_tells_the_two_apart(sample: Path) -> None:
    network = MobileFaceNet()
    clips = [Clip(sample / f"{name}.mp4") for name in ("train_ada", "target_ada", "train_ben")]
    ada, ada_again, ben = (network.embed(c.frames, [f.points_xy for f in c.faces]) for c in clips)
    assert float((ada @ ada_again.T).mean()) > SAME_PERSON_SIMILARITY + 0.2
    assert float((ada @ ben.T).mean()) < SAME_PERSON_SIMILARITY - 0.2
    np.testing.assert_allclose(np.linalg.norm(ada, axis=1), 1, atol=1e-5)


def test_an_odd_number_of_faces_is_embedded_as_well(sample: Path) -> None:
    clip, network = Clip(sample / "target_ada.mp4"), MobileFaceNet()
    points = [face.points_xy for face in clip.faces]
    three = network.embed(clip.frames[:3], points[:3])
    np.testing.assert_allclose(three[2], network.embed(clip.frames[2:3], points[2:3])[0], atol=1e-5)
    assert network.embed([], []).shape == (0, 192)


def test_nothing_is_found_in_nothing() -> None:
    detector = RetinaFace()
    assert detector.detect([]) == []
    blank = detector.detect([np.full((120, 90, 3), 90, np.uint8)])[0]
    assert len(blank) == 0
    assert blank.points_xy.shape == (0, 5, 2)


def test_the_same_face_is_found_in_a_batch_and_alone(sample: Path) -> None:
    frames = Clip(sample / "target_ada.mp4").frames[:3]
    detector = RetinaFace()
    together = detector.detect(frames)
    for frame, faces in zip(frames, together, strict=True):
        np.testing.assert_allclose(
            detector.detect([frame])[0].boxes_xyxy, faces.boxes_xyxy, atol=0.1
        )


def test_a_large_picture_gives_the_same_places(sample: Path) -> None:
    frame = Clip(sample / "target_ada.mp4").frames[0]
    large = cv2.resize(frame, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    detector = RetinaFace()
    small_box, large_box = (detector.detect([p])[0].boxes_xyxy[0] for p in (frame, large))
    np.testing.assert_allclose(large_box / 5, small_box, atol=6)


def test_hidden_background_is_gray_and_the_face_untouched() -> None:
    crop = np.full((4, 4, 3), 200, np.uint8)
    mask = np.zeros((4, 4), np.uint8)
    mask[:2] = 255
    hidden = mask_background(crop, mask)
    assert (hidden[:2] == 200).all()
    assert (hidden[2:] == BACKGROUND_GRAY).all()
