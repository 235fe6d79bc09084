"""Find and select the faces of a target, frame by frame, with a restorable state per segment."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import numpy as np

from faceloom.faces.face_finder import DetectedPictures, Face, FaceFinder, FinderState
from faceloom.faces.landmarks import FaceMesh
from faceloom.faces.retinaface import RetinaFace
from faceloom.faces.temporal_smoothing import SMOOTHING_RADIUS, smooth_alignment
from faceloom.hardware import available_cores
from faceloom.prefetch import prefetch
from faceloom.swap.inference.face_models import face_model_opener
from faceloom.swap.pipeline.selected_frame import SelectedFrame
from faceloom.swap.selection.face_selector import FaceSelection, FaceSelector
from faceloom.video import Frame

# Frames of the previous segment that are swapped again, but not written, before a segment: by its
# first frame the smoothed quantities have settled. So segments can be made in any order, or on
# several machines, with the same bytes.
SEGMENT_LEAD_IN = 8
# The detector runs in one of so many frames; between them the face mesh follows each face.
DETECT_EVERY = 5
# Fewest cores with which the detector has a thread of its own; fewer are busy with other stages.
_MIN_CORES_AHEAD = 4
# Providers whose sessions take one call at a time; the tracking calls the detector as well, for
# rotated heads (onnxruntime.ai/docs/execution-providers/DirectML-ExecutionProvider.html).
_ONE_CALL_AT_A_TIME = frozenset(["directml"])
# Batches that are detected ahead of the tracking.
_BATCHES_AHEAD = 1

RecentFaces: TypeAlias = tuple[tuple[Face, ...], ...]
_DetectedBatch: TypeAlias = tuple[list[Frame], DetectedPictures]


def conversion_finder(provider: str = "cpu") -> FaceFinder:
    """Return the finder of a conversion, which runs beside all other stages.

    It has one thread: a second one would cost twice its time.

    Args:
        provider: what runs its networks, as `resolve_face_provider` returns it.
    """
    open_model = face_model_opener(provider)
    detector, mesh = RetinaFace(threads=1, open_model=open_model), FaceMesh(1, open_model)
    return FaceFinder(detect_every=DETECT_EVERY, threads=1, detector=detector, mesh=mesh)


def detects_ahead(provider: str = "cpu") -> bool:
    """Return whether the detector can run beside the tracking, on a core of its own.

    Args:
        provider: what runs the detector, as `resolve_face_provider` returns it.
    """
    return provider not in _ONE_CALL_AT_A_TIME and available_cores() >= _MIN_CORES_AHEAD


@dataclass(frozen=True, slots=True)
class SegmentGrid:
    """Which frames belong to one segment."""

    first: int
    """The index of the first frame of all."""
    length: int
    """Frames per segment."""

    def remaining(self, index: int) -> int:
        """Return how many frames a segment has from one frame to its end, that frame included.

        Args:
            index: the frame's index.
        """
        return self.length - (index - self.first) % self.length


@dataclass(frozen=True, slots=True)
class AnalysisState:
    """Everything that the analysis of the next segment depends on."""

    next_frame: int
    """The index of the next segment's first frame."""
    finder: FinderState
    """The state of the face finder."""
    lead_in: tuple[FaceSelection, ...]
    """The selections of the last `SEGMENT_LEAD_IN` frames, or of all if there are fewer."""
    recent_faces: RecentFaces
    """All faces of the last `SMOOTHING_RADIUS` frames."""
    selector: Mapping[str, np.ndarray]
    """The state of the face selector, from `TrackState.to_arrays`."""


class Analysis:
    """Finds and selects the faces of a target's upright frames, in order."""

    def __init__(
        self,
        finder: FaceFinder,
        selector: FaceSelector,
        grid: SegmentGrid,
        batch_size: int,
        *,
        ahead: bool = False,
    ):
        """Analyze a target.

        Args:
            finder: finds the faces.
            selector: selects among them.
            grid: where segments end.
            batch_size: frames per batch of the detector.
            ahead: whether the detector runs in a thread of its own, a batch ahead of the tracking.
                It changes no bit of the result.
        """
        self._finder, self._selector = finder, selector
        self._grid, self._batch_size, self._ahead = grid, batch_size, ahead
        self._finder_states: dict[int, tuple[FinderState, RecentFaces]] = {}
        self._states: dict[int, AnalysisState] = {}
        self._recent: deque[tuple[Face, ...]] = deque(maxlen=SMOOTHING_RADIUS)
        self._lead_in: deque[FaceSelection] = deque(maxlen=SEGMENT_LEAD_IN)

    def run(
        self, frames: Iterable[Frame], state: AnalysisState | None = None
    ) -> Iterator[SelectedFrame]:
        """Select the faces of every frame.

        The finder gets batches that never cross the end of a segment: a run that resumes at a
        segment computes the same numbers.

        Args:
            frames: the frames from the start, or from `state.next_frame` on.
            state: where an earlier run stopped; the selector has its own part of it already.

        Yields:
            Each frame with its selection.
        """
        context: RecentFaces = ()
        if state:
            self._finder.state = state.finder
            self._recent.extend(state.recent_faces)
            self._lead_in.extend(state.lead_in)
            context = state.recent_faces
        found = self._find(iter(frames))
        for (frame, shot_start), faces in smooth_alignment(found, fill_gaps=True, context=context):
            selection = self._selector.select(frame, faces, shot_start=shot_start)
            self._lead_in.append(selection)
            if self._grid.remaining(frame.index) == 1:
                self._store_state(frame.index + 1)
            yield SelectedFrame(frame, selection)

    def pop_state(self, next_frame: int) -> AnalysisState | None:
        """Return the state after a segment whose last frame `run` has yielded.

        Args:
            next_frame: the index after that frame.

        Returns:
            The state, or None if the target ended within the segment.
        """
        return self._states.pop(next_frame, None)

    def _find(self, frames: Iterator[Frame]) -> Iterator[tuple[tuple[Frame, bool], Sequence[Face]]]:
        detected = self._detect(frames)
        with closing(prefetch(detected, _BATCHES_AHEAD) if self._ahead else detected) as batches:
            for batch, pictures in batches:
                found = self._finder.track(pictures)
                self._recent.extend(tuple(faces) for faces, _ in found)
                if self._grid.remaining(batch[-1].index) == 1:
                    recent = tuple(self._recent)
                    self._finder_states[batch[-1].index + 1] = self._finder.state, recent
                for frame, (faces, shot_start) in zip(batch, found, strict=True):
                    yield (frame, shot_start), faces

    def _detect(self, frames: Iterator[Frame]) -> Generator[_DetectedBatch, None, None]:
        for batch in self._batches(frames):
            yield batch, self._finder.detect([frame.square_rgb for frame in batch])

    def _batches(self, frames: Iterator[Frame]) -> Iterator[list[Frame]]:
        while first := next(frames, None):
            size = min(self._batch_size, self._grid.remaining(first.index))
            yield [first, *islice(frames, size - 1)]

    def _store_state(self, next_frame: int) -> None:
        finder, recent = self._finder_states.pop(next_frame)
        self._states[next_frame] = AnalysisState(
            next_frame, finder, tuple(self._lead_in), recent, self._selector.state.to_arrays()
        )
