"""How many frames of its footage a face set uses."""

import builtins
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
from tests.helpers.facesets import good_faces, write_faceset

from faceloom.faceset import FaceSet, face_count
from faceloom.faceset.face_count import used_every


@pytest.fixture
def faces(tmp_path: Path) -> FaceSet:
    """A face set whose faces are those of one video."""
    return write_faceset(tmp_path / "ada", good_faces(12))


def with_frames(faces: FaceSet, frames: Collection[int], kind: str = "video") -> FaceSet:
    """Return the face set with one face in each frame of its first file."""
    row = faces.rows[0].model_copy(update={"file": 0})
    files = tuple(file.model_copy(update={"kind": kind}) for file in faces.files)
    rows = tuple(row.model_copy(update={"frame": frame}) for frame in frames)
    return replace(faces, rows=rows, files=files)


@pytest.mark.parametrize(
    ("frames", "kind", "every"),
    [
        ((0, 5, 20), "video", 5),
        ((3, 8, 23), "video", 5),
        ((3, 8, 24), "video", 1),
        ((7,), "video", 1),
        ((7, 7), "video", 1),
        ((0, 5, 20), "picture", 1),
    ],
)
def test_the_step_between_used_frames(
    frames: tuple[int, ...], kind: str, every: int, faces: FaceSet
) -> None:
    assert used_every(with_frames(faces, frames, kind)) == every


def test_each_frame_is_compared_once(faces: FaceSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a long video does not grow with the square of its frames."""
    compared = 0

    def counting_min(values: Collection[int], **options: int) -> int:
        nonlocal compared
        compared += len(values)
        return builtins.min(values, **options)

    monkeypatch.setattr(face_count, "min", counting_min, raising=False)
    assert used_every(with_frames(faces, range(0, 300, 3))) == 3
    # Those of the video, and the steps of all videos.
    assert compared == 100 + 1
