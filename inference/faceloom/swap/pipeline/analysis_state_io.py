"""What is known after a segment, as a file: plain arrays, read without running anything."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceloom.array_types import float32
from faceloom.atomic import replacing_file
from faceloom.errors import ArtifactRefused
from faceloom.faces.face_finder import Face, FinderState
from faceloom.faces.landmarks import Landmarks
from faceloom.faces.shot_detection import CutState
from faceloom.faces.tracker import Track, TrackerState
from faceloom.safe_read import read_npz
from faceloom.swap.bundle.archive import opened_arrays
from faceloom.swap.pipeline.analysis import AnalysisState, ChosenFaces

Arrays = Mapping[str, np.ndarray]

_CHOOSING = "choosing/"
# The kind of each array, how many rows it has (None: any number) and what a row is.
_FORMS: dict[str, tuple[Any, ...]] = {
    "numbers": ("i", 4),
    "thumbnail": ("f", None, 32, 3),
    "track_numbers": ("i", None, 2),
    "track_boxes": ("f", None, 4),
    "lead_frames": ("i", None, 2),
    "lead_sources": ("i", None),
    "lead_lost": ("i", None, 2),
    **{
        f"{faces}_{column}": form
        for faces in ("last", "found", "lead")
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
    """Write a state atomically."""
    finder = state.finder
    lost = [(at, source) for at, chosen in enumerate(state.lead) for source in chosen.lost]
    tracks, thumbnail = finder.tracker.tracks, finder.cuts.thumbnail
    arrays: dict[str, Any] = {
        "numbers": np.array(
            [state.frame, finder.vain_turns, finder.seen, finder.tracker.next_number], np.int64
        ),
        "usual": np.array(finder.cuts.usual, np.float64),
        "thumbnail": np.zeros((0, 32, 3), np.float32) if thumbnail is None else thumbnail,
        "track_numbers": np.array(
            [(track.number, track.missed) for track in tracks], np.int64
        ).reshape(-1, 2),
        "track_boxes": float32([track.box_xyxy for track in tracks]).reshape(-1, 4),
        **_columns("last", [finder.last]),
        **_columns("found", state.found),
        **_columns("lead", [[face for face, _ in chosen.faces] for chosen in state.lead]),
        "lead_frames": np.array(
            [(chosen.pts, chosen.begins_shot) for chosen in state.lead], np.int64
        ).reshape(-1, 2),
        "lead_sources": np.array(
            [source for chosen in state.lead for _, source in chosen.faces], np.int64
        ),
        "lead_lost": np.array(lost, np.int64).reshape(-1, 2),
        **{f"{_CHOOSING}{name}": value for name, value in state.choosing.items()},
    }
    content = io.BytesIO()
    np.savez(content, **arrays)
    with replacing_file(path) as part:
        part.write_bytes(content.getvalue())


def read_state(path: Path) -> AnalysisState:
    """Read a state; raise ArtifactRefused if the file is none."""
    try:
        with opened_arrays(path) as archive:
            arrays = read_npz(archive)
        _refuse_other_shapes(arrays)
        return _state(arrays)
    # RuntimeError: fewer faces than the frames are said to hold.
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, RuntimeError) as error:
        raise ArtifactRefused(
            f"{path} is damaged ({error}); run the command without --resume to begin anew."
        ) from error


def _refuse_other_shapes(arrays: Arrays) -> None:
    """Raise ValueError unless every array has the kind and the sizes that `write_state` gives it."""
    for name, (kind, *shape) in _FORMS.items():
        found = arrays[name]
        if (
            found.dtype.kind != kind
            or found.shape[1:] != tuple(shape[1:])
            or shape[0] not in (None, len(found))
        ):
            raise ValueError(f"{name} is {found.dtype} {found.shape}")
    if arrays["thumbnail"].shape[0] not in (0, 18) or arrays["usual"].shape != ():
        raise ValueError("its cuts are of another size")


def _state(arrays: Arrays) -> AnalysisState:
    frame, vain_turns, seen, next_number = arrays["numbers"].tolist()
    tracks = [
        Track(number, box, missed)
        for (number, missed), box in zip(
            arrays["track_numbers"].tolist(), arrays["track_boxes"], strict=True
        )
    ]
    thumbnail = arrays["thumbnail"] if len(arrays["thumbnail"]) else None
    (last,) = _frames(arrays, "last")
    finder = FinderState(
        last,
        TrackerState(tuple(tracks), next_number),
        CutState(thumbnail, arrays["usual"].item()),
        vain_turns,
        seen,
    )
    choosing = {
        name.removeprefix(_CHOOSING): arrays[name] for name in arrays if name.startswith(_CHOOSING)
    }
    return AnalysisState(frame, finder, tuple(_lead(arrays)), _frames(arrays, "found"), choosing)


def _lead(arrays: Arrays) -> Iterator[ChosenFaces]:
    sources, lost = iter(arrays["lead_sources"].tolist()), arrays["lead_lost"].tolist()
    frames = zip(arrays["lead_frames"].tolist(), _frames(arrays, "lead"), strict=True)
    for at, ((pts, begins_shot), faces) in enumerate(frames):
        chosen = tuple((face, next(sources)) for face in faces)
        yield ChosenFaces(
            pts, chosen, tuple(source for place, source in lost if place == at), bool(begins_shot)
        )


def _columns(name: str, frames: Sequence[Sequence[Face]]) -> dict[str, np.ndarray]:
    """The faces of some frames, one column a property."""
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
