"""The pasted still: its choice, its position on each face, and what stays unchanged."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.facesets import FaceSpec, good_faces, write_faceset
from tests.helpers.swapping import SwapRun

from faceloom.errors import ArtifactRefused, NoFaceFound, UsageError
from faceloom.faces.alignment import apply_affine, crop_face
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY, MobileFaceNet
from faceloom.faces.mask import mesh_mask
from faceloom.faces.quality import mouth_open
from faceloom.faceset import FaceSet
from faceloom.faceset.similarity import center_of
from faceloom.progress import run_to_completion
from faceloom.swap import ConvertOptions, PastedStill, SwapRequest, convert_request
from faceloom.swap.sources.face_source import CropBatch
from faceloom.swap.sources.still_selection import TypicalFace, choose_still, measure_target_face
from faceloom.video import Frame, probe_video, read_frames

# Every sixth frame of the sample; the mouth goes from shut to wide open.
EVERY = 6


@pytest.fixture(scope="module")
def ben(facesets: dict[str, Path]) -> FaceSet:
    return FaceSet.read(facesets["ben"])


@pytest.fixture(scope="module")
def still(ben: FaceSet) -> PastedStill:
    return PastedStill(ben, choose_still(ben, TypicalFace(yaw=0, pitch=0, mouth_open=0, size=130)))


@pytest.fixture(scope="module")
def target(sample: Path) -> list[tuple[Frame, list[Face]]]:
    frames = list(read_frames(sample / "target_ada.mp4", every=EVERY))
    return list(zip(frames, FaceFinder().find([frame.rgb for frame in frames]), strict=True))


@pytest.fixture(scope="module")
def pasted(target: list[tuple[Frame, list[Face]]], still: PastedStill) -> list[Frame]:
    return SwapRun(still, ConvertOptions()).swap(target)


def faces_of(frames: list[Frame]) -> list[Face]:
    return [faces[0] for faces in FaceFinder().find([frame.rgb for frame in frames])]


def test_nothing_outside_the_target_face_changes(
    still: PastedStill, target, pasted: list[Frame]
) -> None:
    for (frame, (face, *_)), after in zip(target, pasted, strict=True):
        inside = mesh_mask(face.landmarks.points_xy, *frame.rgb.shape[:2])
        beyond = cv2.distanceTransform(255 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        # The edge moves inward by `erode` and fades over three sigma; two pixels for resampling.
        crop_side = still.crop.size / np.hypot(*still.crop.frame_to_crop(face.points_xy)[:, 0])
        outside = beyond > (3 * still.blend.feather - still.blend.erode) * crop_side + 2
        assert outside.mean() > 0.5
        assert (after.rgb[outside] == frame.rgb[outside]).all()
        changed = (
            np.abs(after.rgb[inside == 255].astype(int) - frame.rgb[inside == 255]).max(-1) > 4
        )
        assert changed.mean() > 0.6


def test_the_pasted_face_is_recognized_as_the_source(
    ben: FaceSet, target, pasted: list[Frame]
) -> None:
    center = center_of(ben.read_embeddings())
    network = MobileFaceNet()
    before = (
        network.embed([f.rgb for f, _ in target], [faces[0].points_xy for _, faces in target])
        @ center
    )
    after = (
        network.embed([f.rgb for f in pasted], [face.points_xy for face in faces_of(pasted)])
        @ center
    )
    assert before.max() < 0.3
    assert after.min() > SAME_PERSON_SIMILARITY


def test_the_face_is_frozen_and_placed_on_the_target_face(target, pasted: list[Frame]) -> None:
    spoken = [mouth_open(faces[0].landmarks.points_xy) for _, faces in target]
    frozen = [mouth_open(face.landmarks.points_xy) for face in faces_of(pasted)]
    assert np.ptp(spoken) > 0.4
    assert np.ptp(frozen) < 0.25 * np.ptp(spoken)
    for (_, (face, *_)), now in zip(target, faces_of(pasted), strict=True):
        # Eyes and nose; the mouth is the still's.
        shift = np.linalg.norm(now.points_xy[:3] - face.points_xy[:3], axis=1)
        assert shift.max() < 0.08 * face.size


def test_an_opening_mouth_does_not_stretch_the_still(still: PastedStill, target) -> None:
    """The map is fitted to landmarks that speech does not move."""
    (frame, (face, *_)), *_ = target
    opened = face.landmarks.points_xyz.copy()
    jaw = opened[:, 1] > opened[list(range(0, 18)), 1].max()
    opened[jaw, 1] += 0.2 * face.size
    spoken = replace(face, landmarks=replace(face.landmarks, points_xyz=opened))
    to_crop, size = still.crop.frame_to_crop(face.points_xy), still.crop.size
    meshes = np.stack([apply_affine(to_crop, f.landmarks.points_xy) for f in (face, spoken)])
    crops = np.stack([crop_face(frame.rgb, to_crop, size)] * 2)
    both = CropBatch(crops, meshes, np.stack([mesh_mask(mesh, size, size) for mesh in meshes]))
    shut, wide = still.predict(both).faces
    assert jaw.sum() > 20
    assert (shut == wide).all()


LEVEL = TypicalFace(yaw=0, pitch=0, mouth_open=0.1, size=150)
GOOD = FaceSpec(number=0, file=0, yaw=0, pitch=0, mouth_open=0.1)
# How one face differs from three others at 12 degrees of yaw, and whether it is chosen.
CHOICES = {
    "it has the target's pose": ({"yaw": 1.0}, True),
    "it is turned away": ({"yaw": 28.0}, False),
    "blurred": ({"yaw": 1.0, "sharpness": 0.3}, False),
    "eyes shut": ({"yaw": 1.0, "eyes_open": 0.1}, False),
    "its mouth is open": ({"yaw": 1.0, "mouth_open": 0.6}, False),
    "smaller than the target's face": ({"yaw": 1.0, "size": 60}, False),
    "larger than it": ({"yaw": 1.0, "size": 900}, True),
    "somebody else": ({"yaw": 1.0, "person": 3}, False),
}


@pytest.mark.parametrize("name", CHOICES)
def test_the_best_still_is_chosen(tmp_path: Path, name: str) -> None:
    values, chosen = CHOICES[name]
    others = [replace(GOOD, number=n, yaw=12.0) for n in range(1, 4)]
    faces = write_faceset(tmp_path / "ben", [*others, replace(GOOD, **values)])
    row = choose_still(faces, LEVEL)
    assert (row.frame == 0) == chosen


def test_a_face_turned_too_far_is_never_chosen(tmp_path: Path) -> None:
    bad = replace(GOOD, number=1, mouth_open=0.9, size=40)
    faces = write_faceset(tmp_path / "ben", [replace(GOOD, yaw=35.0), bad])
    assert choose_still(faces, LEVEL).frame == 1


def test_a_still_with_the_target_mouth_is_chosen(tmp_path: Path) -> None:
    faces = write_faceset(
        tmp_path / "ben", [replace(GOOD, number=n, mouth_open=n / 10) for n in range(8)]
    )
    assert choose_still(faces, replace(LEVEL, mouth_open=0.5)).frame == 5


def test_a_face_set_without_the_target_pose_is_refused(tmp_path: Path) -> None:
    profiles = write_faceset(tmp_path / "ben", [replace(face, yaw=60) for face in good_faces(3)])
    with pytest.raises(
        ArtifactRefused, match=r"ben has no face in the target's pose .* 6\d degrees off"
    ):
        choose_still(profiles, LEVEL)


def test_the_typical_face_is_the_median_of_the_clip(sample: Path, target) -> None:
    info = probe_video(sample / "target_ada.mp4")
    mouths = [mouth_open(faces[0].landmarks.points_xy) for _, faces in target]
    for known in (info, replace(info, frame_count=None)):
        typical = run_to_completion(measure_target_face(known))
        assert typical.size == pytest.approx(134, abs=6)
        assert min(mouths) < typical.mouth_open < max(mouths)
        assert abs(typical.yaw) < 15
    assert sum(1 for _ in measure_target_face(replace(info, frame_count=1000))) == 4


def test_a_face_between_the_sampled_frames_is_found(tmp_path: Path, target) -> None:
    face = target[0][0].rgb
    clip = make_clip(tmp_path / "late.mp4", [*wave_images(1, *face.shape[:2]), face])
    typical = run_to_completion(measure_target_face(replace(probe_video(clip), frame_count=None)))
    assert typical.size == pytest.approx(target[0][1][0].size, rel=0.1)


def test_sound_and_times_stay_and_the_summary_names_the_still(
    tmp_path: Path, sample: Path, facesets: dict[str, Path]
) -> None:
    pictures = [f.rgb for f in read_frames(sample / "target_ada.mp4") if f.index < 5]
    times = [0, 40, 130, 170, 300]
    clip = make_clip(tmp_path / "clip.mp4", pictures, pts=times, audio_seconds=0.3)
    summary = run_to_completion(
        convert_request(
            clip, SwapRequest(face_set=facesets["ben"]), tmp_path / "out.mp4", ConvertOptions()
        )
    )
    assert (summary.frames, summary.swapped_frames, summary.provider) == (5, 5, "cpu")
    assert summary.still in {row.image for row in FaceSet.read(facesets["ben"]).rows}
    after = list(read_frames(tmp_path / "out.mp4"))
    assert [round(1000 * f.seconds) for f in after] == times
    assert (
        np.abs(after[0].rgb[130:230, 110:210].astype(int) - pictures[0][130:230, 110:210]).mean()
        > 8
    )
    assert np.abs(after[0].rgb[:60].astype(int) - pictures[0][:60]).mean() < 4


def _empty(path: Path) -> Path:
    faces = write_faceset(path, [GOOD])
    (path / faces.rows[0].image).unlink()
    return path


@pytest.mark.parametrize(
    ("clip", "identity", "provider", "error", "words"),
    [
        ("face", lambda path: path, "auto", ArtifactRefused, "is not a face set"),
        ("face", _empty, "auto", ArtifactRefused, "contains no face"),
        ("face", None, "cuda", UsageError, "runs no network"),
        ("noise", None, "auto", NoFaceFound, "No face was found"),
    ],
)
def test_invalid_input_is_refused_and_nothing_is_written(
    tmp_path: Path,
    sample: Path,
    facesets: dict[str, Path],
    clip: str,
    identity: Callable[[Path], Path] | None,
    provider: str,
    error: type[Exception],
    words: str,
) -> None:
    target = (
        sample / "target_ada.mp4"
        if clip == "face"
        else make_clip(tmp_path / "noise.mp4", wave_images(3))
    )
    faces = identity(tmp_path / "faces") if identity else facesets["ben"]
    with pytest.raises(error, match=words):
        run_to_completion(
            convert_request(
                target,
                SwapRequest(face_set=faces),
                tmp_path / "out.mp4",
                ConvertOptions(provider=provider),
            )
        )
    assert not list(tmp_path.glob("*out*"))
