"""Write and read an `AnalysisState` as an .npz of plain arrays, without pickle."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceloom.array_types import float32
from faceloom.atomic import atomic_file
from faceloom.errors import ArtifactRefused
from faceloom.faces.face_finder import Face, FinderState
from faceloom.faces.landmarks import Landmarks
from faceloom.faces.shot_detection import CutState
from faceloom.faces.tracker import Track, TrackerState
from faceloom.safe_read import read_npz
from faceloom.swap.bundle.archive import open_npz_archive
from faceloom.swap.pipeline.analysis import AnalysisState
from faceloom.swap.selection.face_selector import FaceSelection

Arrays = Mapping[str, np.ndarray]

# Prefix of the selector's arrays.
_SELECTOR = "selector/"
# Groups of faces that are stored as columns.
_FINDER = "finder"
_RECENT = "recent"
_LEAD_IN = "lead_in"
# Form of each array: dtype kind, number of rows (None: any), then the shape of a row.
_FORMS: dict[str, tuple[Any, ...]] = {
    "counters": ("i", 4),
    "thumbnail": ("f", None, 32, 3),
    "track_ids": ("i", None, 2),
    "track_boxes": ("f", None, 4),
    "lead_in_frames": ("i", None, 2),
    "lead_in_sources": ("i", None),
    "lead_in_lost": ("i", None, 2),
    **{
        f"{faces}_{column}": form
        for faces in (_FINDER, _RECENT, _LEAD_IN)
        for column, form in {
            "counts": ("i", None),
            "boxes": ("f", None, 4),
            "scores": ("f", None, 2),
            "meshes": ("f", None, 468, 3),
            "points": ("f", None, 5, 2),
            "tracks": ("i", None),
        }.items()
    },
}


def write_state(path: Path, state: AnalysisState) -> None:
    """Write a state atomically.

    Args:
        path: the file.
        state: the state.
    """
    finder, lead_in = state.finder, state.lead_in
    tracks, thumbnail = finder.tracker.tracks, finder.cuts.thumbnail
    counters = [
        state.next_frame,
        finder.failed_rotations,
        finder.frame_count,
        finder.tracker.next_id,
    ]
    sources = [source for selection in lead_in for _, source in selection.faces]
    lost = [
        (position, source)
        for position, selection in enumerate(lead_in)
        for source in selection.lost
    ]
    arrays: dict[str, Any] = {
        "counters": np.array(counters, np.int64),
        "typical_change": np.array(finder.cuts.typical_change, np.float64),
        "thumbnail": np.zeros((0, 32, 3), np.float32) if thumbnail is None else thumbnail,
        "track_ids": _int_pairs([(track.id, track.missed) for track in tracks]),
        "track_boxes": float32([track.box_xyxy for track in tracks]).reshape(-1, 4),
        **_columns(_FINDER, [finder.faces]),
        **_columns(_RECENT, state.recent_faces),
        **_columns(_LEAD_IN, [[face for face, _ in selection.faces] for selection in lead_in]),
        "lead_in_frames": _int_pairs(
            [(selection.pts, selection.shot_start) for selection in lead_in]
        ),
        "lead_in_sources": np.array(sources, np.int64),
        "lead_in_lost": _int_pairs(lost),
        **{f"{_SELECTOR}{name}": value for name, value in state.selector.items()},
    }
    content = io.BytesIO()
    np.savez(content, **arrays)
    with atomic_file(path) as part:
        part.write_bytes(content.getvalue())


def read_state(path: Path) -> AnalysisState:
    """Read a state.

    Args:
        path: a file of `write_state`.

    Returns:
        The state.

    Raises:
        ArtifactRefused: the file is damaged.
    """
    try:
        with open_npz_archive(path) as archive:
            arrays = read_npz(archive)
        _check_forms(arrays)
        return _to_state(arrays)
    # RuntimeError: there are fewer faces than the frames' counts add up to.
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, RuntimeError) as error:
        raise ArtifactRefused(
            f"{path} is damaged ({error}); run the command without --resume to start again."
        ) from error


def _check_forms(arrays: Arrays) -> None:
    """Raise ValueError unless every array has the form that `write_state` gives it."""
    for name, (kind, *shape) in _FORMS.items():
        array = arrays[name]
        if (
            array.dtype.kind != kind
            or array.shape[1:] != tuple(shape[1:])
            or shape[0] not in (None, len(array))
        ):
            raise ValueError(f"{name} is {array.dtype} {array.shape}")
    if arrays["thumbnail"].shape[0] not in (0, 18) or arrays["typical_change"].shape != ():
        raise ValueError("the shot detector's state has another size")


def _to_state(arrays: Arrays) -> AnalysisState:
    next_frame, failed_rotations, frame_count, next_id = arrays["counters"].tolist()
    tracks = [
        Track(track_id, box, missed)
        for (track_id, missed), box in zip(
            arrays["track_ids"].tolist(), arrays["track_boxes"], strict=True
        )
    ]
    thumbnail = arrays["thumbnail"] if len(arrays["thumbnail"]) else None
    (faces,) = _frames(arrays, _FINDER)
    finder = FinderState(
        faces,
        TrackerState(tuple(tracks), next_id),
        CutState(thumbnail, arrays["typical_change"].item()),
        failed_rotations,
        frame_count,
    )
    selector = {
        name.removeprefix(_SELECTOR): arrays[name] for name in arrays if name.startswith(_SELECTOR)
    }
    lead_in = tuple(_selections(arrays, next_frame))
    return AnalysisState(next_frame, finder, lead_in, _frames(arrays, _RECENT), selector)


def _selections(arrays: Arrays, next_frame: int) -> Iterator[FaceSelection]:
    sources, lost = iter(arrays["lead_in_sources"].tolist()), arrays["lead_in_lost"].tolist()
    frames = list(zip(arrays["lead_in_frames"].tolist(), _frames(arrays, _LEAD_IN), strict=True))
    for position, ((pts, shot_start), faces) in enumerate(frames):
        selected = tuple((face, next(sources)) for face in faces)
        lost_sources = tuple(source for row, source in lost if row == position)
        index = next_frame - len(frames) + position
        yield FaceSelection(index, pts, selected, lost_sources, bool(shot_start))


def _int_pairs(rows: Sequence[tuple[int, int]]) -> np.ndarray:
    return np.array(rows, np.int64).reshape(-1, 2)


def _columns(name: str, frames: Sequence[Sequence[Face]]) -> dict[str, np.ndarray]:
    """Return the faces of some frames, one array for each property."""
    faces = [face for frame in frames for face in frame]
    return {
        f"{name}_counts": np.array([len(frame) for frame in frames], np.int64),
        f"{name}_boxes": float32([face.box_xyxy for face in faces]).reshape(-1, 4),
        f"{name}_scores": np.array(
            [(face.score, face.landmarks.score) for face in faces], np.float64
        ).reshape(-1, 2),
        f"{name}_meshes": float32([face.landmarks.points_xyz for face in faces]).reshape(
            -1, 468, 3
        ),
        f"{name}_points": float32([face.points_xy for face in faces]).reshape(-1, 5, 2),
        f"{name}_tracks": np.array([face.track for face in faces], np.int64),
    }


def _frames(arrays: Arrays, name: str) -> tuple[tuple[Face, ...], ...]:
    """Undo `_columns`."""
    columns = (
        arrays[f"{name}_{part}"] for part in ("boxes", "scores", "meshes", "points", "tracks")
    )
    faces = iter(
        [
            Face(box, score[0].item(), Landmarks(mesh, score[1].item()), points, int(track))
            for box, score, mesh, points, track in zip(*columns, strict=True)
        ]
    )
    return tuple(
        tuple(next(faces) for _ in range(count)) for count in arrays[f"{name}_counts"].tolist()
    )
