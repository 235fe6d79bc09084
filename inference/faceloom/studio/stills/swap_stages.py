"""The stages of a swapped still, each made from the one before: faces, prediction, blend."""

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from faceloom.array_types import Rgb
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.studio.stills.clip_frames import ClipFrames
from faceloom.swap.options import ConvertOptions, SwapOptions
from faceloom.swap.pipeline.face_blending import (
    BlendedFace,
    SwappedFace,
    parses_faces,
    parses_predictions,
)
from faceloom.swap.pipeline.frame_swapper import FrameSwapper, SelectedFrame
from faceloom.swap.pipeline.swap_source import SwapSource
from faceloom.swap.preview.frame_lead_in import LEAD_IN, find_in_frames
from faceloom.swap.selection.face_selector import FaceSelection, FaceSelector
from faceloom.swap.selection.track_state import TrackState
from faceloom.video import Frame

# Options with which `FrameSwapper` parses both pictures of a face. What a conversion does not
# parse is left out later, so that no change of an option runs a network again.
_PARSE_ALL = SwapOptions(mask="regions", glasses="target")


# Upright frames with their faces; the last one is asked for.
FoundFrames: TypeAlias = tuple[tuple[Frame, list[Face]], ...]


@dataclass(frozen=True, slots=True)
class OpenBundle:
    """A bundle whose network is loaded."""

    source: SwapSource
    """The bundle."""
    swapper: FrameSwapper
    """Runs its network."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A frame with what the network makes of its faces."""

    key: Hashable
    """What it depends on."""
    lead_in: tuple[tuple[FaceSelection, tuple[SwappedFace, ...]], ...]
    """The frames before it."""
    selected: SelectedFrame
    """The frame."""
    faces: tuple[SwappedFace, ...]
    """Its faces."""


@dataclass(frozen=True, slots=True)
class LeadInState:
    """What the blend of a frame continues from."""

    options: SwapOptions
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


def find_faces(frames: ClipFrames, window: range, index: int, finder: FaceFinder) -> FoundFrames:
    """Find the faces of a frame and of its lead-in.

    Args:
        frames: The clip.
        window: Indices of the frames that are read: the lead-in, the frame, and what smooths it.
        index: Index of the frame.
        finder: A finder that has processed no frame.

    Returns:
        The lead-in, as far as it is in the window, and the frame.

    Raises:
        UsageError: The clip has no such frame.
        MediaUnreadable: It cannot be read.
    """
    frames.check(index)
    pictures = frames.frames(window.start, window.stop - 1)
    found: deque[tuple[Frame, list[Face]]] = deque(maxlen=LEAD_IN + 1)
    for frame, faces in find_in_frames(pictures, frames.info, index, finder):
        found.append((frame, faces))
        if frame.index == index:
            break
    return tuple(found)


def bytes_of_frames(found: FoundFrames) -> int:
    """Return the size of the frames' pixels.

    Args:
        found: The frames.
    """
    return sum(frame.rgb.nbytes for frame, _ in found)


def load_bundle(path: Path) -> OpenBundle:
    """Open a bundle's network on the best provider of this machine.

    Args:
        path: The bundle.

    Raises:
        ArtifactRefused: It cannot be used.
    """
    source = SwapSource.from_bundle(path, ConvertOptions())
    return OpenBundle(source, FrameSwapper(source.identity_map.sources, _PARSE_ALL))


def run_network(
    key: Hashable, found: FoundFrames, bundle: OpenBundle, options: SwapOptions
) -> Prediction:
    """Select the faces of a frame and of its lead-in, and run the network on them.

    Args:
        key: What the result depends on.
        found: The frames with all their faces.
        bundle: The source.
        options: Which faces are swapped.
    """
    selector = FaceSelector(options, bundle.source.identity_map.reference_set(options))
    frames = [SelectedFrame(frame, selector.select(frame, faces)) for frame, faces in found]
    swapped = bundle.swapper.predict([bundle.swapper.align(frame) for frame in frames])
    *lead_in, (last, faces) = zip(frames, map(tuple, swapped), strict=True)
    return Prediction(
        key, tuple((frame.selection, before) for frame, before in lead_in), last, faces
    )


def blend_lead_in(prediction: Prediction, bundle: OpenBundle, options: SwapOptions) -> LeadInState:
    """Blend the frames before a frame, for the state that it continues from.

    Args:
        prediction: The frame.
        bundle: The source.
        options: How faces are blended.
    """
    swapper = bundle.swapper.with_options(options, TrackState())
    for selection, faces in prediction.lead_in:
        swapper.skip(selection, _with_used_regions(faces, bundle, options))
    return LeadInState(options, swapper.state.to_arrays())


def blend_frame(
    prediction: Prediction, bundle: OpenBundle, options: SwapOptions, state: LeadInState
) -> Blended:
    """Blend a frame.

    Args:
        prediction: The frame.
        bundle: The source.
        options: How its faces are blended.
        state: What it continues from.
    """
    swapper = bundle.swapper.with_options(options, TrackState.from_arrays(state.arrays))
    faces = _with_used_regions(prediction.faces, bundle, options)
    frame, blended = swapper.blend(prediction.selected, faces)
    return Blended(prediction.selected.frame.square_rgb, frame.square_rgb, blended)


def _with_used_regions(
    faces: Sequence[SwappedFace], bundle: OpenBundle, options: SwapOptions
) -> list[SwappedFace]:
    """Leave out the regions that a conversion with these options does not parse."""
    (source,) = bundle.source.identity_map.sources
    parses_target = parses_faces([source], options)
    parses_predicted = parses_predictions(source, options)
    return [
        replace(
            face,
            target_regions=face.target_regions if parses_target else None,
            predicted_regions=face.predicted_regions if parses_predicted else None,
        )
        for face in faces
    ]
