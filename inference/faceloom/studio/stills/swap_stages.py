"""The stages of a swapped still after its faces are predicted: match and blend."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from faceloom.array_types import Rgb
from faceloom.prefetch import prefetch
from faceloom.studio.stills.still_options import StillOptions
from faceloom.swap.options import SwapOptions
from faceloom.swap.pipeline.face_blending import BlendedFace, MatchedFace, SwappedFace
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.swap.pipeline.parsed_faces import parses_faces, parses_predictions
from faceloom.swap.pipeline.selected_frame import SelectedFrame
from faceloom.swap.selection.face_selector import FaceSelection
from faceloom.swap.selection.recognition import ReferenceSet
from faceloom.swap.selection.track_state import TrackState
from faceloom.swap.sources.face_source import FaceSource


@dataclass(frozen=True, slots=True)
class OpenSources:
    """One bundle, or a bundle for each of several people, with loaded networks."""

    swapper: FrameSwapper
    """Runs the networks."""
    people: ReferenceSet
    """The people whose faces they replace."""
    key: Hashable
    """Changes with the files and options that both depend on."""


@dataclass(frozen=True, slots=True)
class PredictedFrame:
    """The predictions for the selected faces of a frame, without the frame's pixels."""

    selection: FaceSelection
    """The selected faces."""
    faces: tuple[SwappedFace, ...]
    """One for each of them."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A frame with the predictions for its faces."""

    key: Hashable
    """What it depends on."""
    lead_in: tuple[PredictedFrame, ...]
    """The frames before it."""
    selected: SelectedFrame
    """The frame."""
    faces: tuple[SwappedFace, ...]
    """Its faces."""


MatchedFrame: TypeAlias = tuple[FaceSelection, tuple[MatchedFace, ...]]
"""The selected faces of a frame, in their target's colors."""


@dataclass(frozen=True, slots=True)
class MatchedLeadIn:
    """The frames before a frame in their target's colors, see `match_face`."""

    options: StillOptions
    """The options that they are matched with."""
    frames: tuple[MatchedFrame, ...]
    """The frames."""
    arrays: dict[str, np.ndarray]
    """The state after them."""


@dataclass(frozen=True, slots=True)
class LeadInState:
    """What the blend of a frame continues from."""

    options: StillOptions
    """The options of the frames before it."""
    arrays: dict[str, np.ndarray]
    """Their state."""


@dataclass(frozen=True, slots=True)
class Blended:
    """A frame before and after the swap."""

    original: Rgb
    """Its square pixels before."""
    swapped: Rgb
    """The same after."""
    faces: tuple[BlendedFace, ...]
    """What is pasted."""


def match_lead_in(
    prediction: Prediction, sources: OpenSources, options: StillOptions
) -> tuple[MatchedLeadIn, LeadInState]:
    """Match the frames before a frame to their target, and finish each while the next is matched.

    The two steps share no state, so that they run in a thread each with the same result.

    Args:
        prediction: The frame.
        sources: The bundles and people.
        options: How faces are blended.

    Returns:
        The matched frames, and what `blend_lead_in` returns for them.
    """
    swapper = _swapper(sources, options, TrackState())
    matched = (
        (frame.selection, _match(swapper, frame.selection, frame.faces, options))
        for frame in prediction.lead_in
    )
    frames: list[MatchedFrame] = []

    def keep(frame: MatchedFrame) -> MatchedFrame:
        frames.append(frame)
        return frame

    ahead = prefetch(matched, len(prediction.lead_in))
    state = blend_lead_in(map(keep, ahead), sources, options.without_sharpening)
    return MatchedLeadIn(options, tuple(frames), swapper.state.to_arrays()), state


def match_frame(
    prediction: Prediction, sources: OpenSources, options: StillOptions, before: MatchedLeadIn
) -> tuple[MatchedFace, ...]:
    """Match a frame to its target.

    Args:
        prediction: The frame.
        sources: The bundles and people.
        options: How its faces are blended; only what is measured applies.
        before: The frames before it.
    """
    swapper = _swapper(sources, options, TrackState.from_arrays(before.arrays))
    selection = prediction.selected.selection
    return _match(swapper, selection, prediction.faces, options)


def blend_lead_in(
    frames: Iterable[MatchedFrame], sources: OpenSources, options: StillOptions
) -> LeadInState:
    """Finish the frames before a frame, for the state that its blend continues from.

    Args:
        frames: The matched frames.
        sources: The bundles and people.
        options: How faces are blended.
    """
    swapper = _swapper(sources, options, TrackState())
    for selection, faces in frames:
        swapper.begin(selection)
        swapper.follow(selection, faces)
    return LeadInState(options, swapper.state.to_arrays())


def blend_frame(
    prediction: Prediction,
    faces: Sequence[MatchedFace],
    sources: OpenSources,
    options: StillOptions,
    state: LeadInState,
) -> Blended:
    """Blend a frame.

    Args:
        prediction: The frame.
        faces: Its matched faces.
        sources: The bundles and people.
        options: How its faces are blended.
        state: What it continues from.
    """
    selected = prediction.selected
    swapper = _swapper(sources, options, TrackState.from_arrays(state.arrays))
    swapper.begin(selected.selection)
    blended = swapper.finish(selected.selection, faces)
    frame = swapper.paste(selected, blended)
    return Blended(selected.frame.square_rgb, frame.square_rgb, blended)


def _swapper(sources: OpenSources, options: StillOptions, state: TrackState) -> FrameSwapper:
    return sources.swapper.with_options(options.options, state, options.sections)


def _match(
    swapper: FrameSwapper,
    selection: FaceSelection,
    faces: Sequence[SwappedFace],
    options: StillOptions,
) -> tuple[MatchedFace, ...]:
    swapper.begin(selection)
    applied = options.timeline.options_at(selection.index)
    return swapper.match(selection, _with_used_regions(faces, swapper.sources, applied))


def _with_used_regions(
    faces: Sequence[SwappedFace], sources: Sequence[FaceSource], options: SwapOptions
) -> list[SwappedFace]:
    """Leave out the regions that a conversion with these options does not parse."""
    parses_target = parses_faces(sources, options)
    parses_predicted = [parses_predictions(source, options) for source in sources]
    return [
        replace(
            face,
            target_regions=face.target_regions if parses_target else None,
            predicted_regions=(
                face.predicted_regions if parses_predicted[face.aligned.source] else None
            ),
        )
        for face in faces
    ]
