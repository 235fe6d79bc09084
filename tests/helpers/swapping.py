"""Run the stages of a swap on frames whose faces are known, as the pipeline does."""

from collections.abc import Iterable, Sequence

from faceloom.faces.face_finder import Face
from faceloom.faces.shot_detection import CutDetector
from faceloom.swap import FaceSource, FrameSwapper, IdentityMap, SwapOptions
from faceloom.swap.options import BlendSettings, Section
from faceloom.swap.pipeline import BlendedFace, SelectedFrame
from faceloom.swap.pipeline.face_blending import SwappedFace, finish_face, match_face
from faceloom.swap.selection import FaceSelector, TrackState
from faceloom.swap.selection.track_state import TrackArrays
from faceloom.video import Frame

FoundFaces = list[tuple[Frame, list[Face]]]


class SwapRun:
    """A selector and a swapper that go through one video together."""

    def __init__(
        self,
        source: FaceSource | IdentityMap,
        options: SwapOptions,
        state: TrackState | None = None,
        sections: Sequence[Section] = (),
    ):
        if not isinstance(source, IdentityMap):
            source = IdentityMap.of_one(source, options)
        references = source.reference_set(options)
        people = source.section_references(options, sections)
        self.selector = FaceSelector(options, references, state, people)
        self.swapper = FrameSwapper(source.sources, options, sections)
        self._cuts = CutDetector()

    def select(self, frames: Iterable[tuple[Frame, Sequence[Face]]]) -> list[SelectedFrame]:
        return [
            SelectedFrame(
                frame,
                self.selector.select(frame, faces, shot_start=self._cuts.begins_shot(frame.rgb)),
            )
            for frame, faces in frames
        ]

    def swap(self, frames: Iterable[tuple[Frame, Sequence[Face]]]) -> list[Frame]:
        """Swap one batch."""
        selected = self.select(frames)
        faces = self.swapper.predict([self.swapper.align(frame) for frame in selected])
        return list(self.swapper.blend_frames(selected, faces))

    @property
    def counters(self) -> tuple[int, int]:
        """Frames with a swapped face, and frames with a lost one."""
        counters = self.selector.state.counters
        return counters.get("swapped", 0), counters.get("missing", 0)


def blend_face(swapped: SwappedFace, settings: BlendSettings, state: TrackArrays) -> BlendedFace:
    """Match a swapped face to its target and finish it."""
    return finish_face(match_face(swapped, settings, state), settings, state)
