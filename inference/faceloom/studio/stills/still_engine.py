"""Swapped stills of clips, in three cached stages: faces, prediction, blend."""

import threading
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from faceloom.array_types import Rgb
from faceloom.errors import UsageError
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.temporal_smoothing import SMOOTHING_RADIUS
from faceloom.provenance import check_frame
from faceloom.studio.stills.clip_frames import ClipFrames
from faceloom.studio.stills.lru_cache import LruCache
from faceloom.studio.stills.still_views import StillView, draw_view
from faceloom.swap.options import ConvertOptions, SwapOptions
from faceloom.swap.pipeline.analysis import DETECT_EVERY
from faceloom.swap.pipeline.frame_swapper import (
    BlendedFace,
    FrameSwapper,
    SelectedFrame,
    SwappedFace,
    used_regions,
)
from faceloom.swap.pipeline.swap_source import SwapSource
from faceloom.swap.preview.frame_lead_in import LEAD_IN, find_in_frames, first_frame
from faceloom.swap.selection.face_selector import FaceSelection, FaceSelector
from faceloom.swap.selection.track_state import TrackState
from faceloom.video import Frame
from faceloom.video.display import frame_to_upright

# Clips and bundles that stay open: the one that is shown and the one before it.
_MAX_OPEN = 2
# Most bytes of the frames whose faces are known: five frames of 1080p with their lead-in. Their
# pixels are mostly those that `ClipFrames` keeps as well.
_FOUND_BYTES = 400_000_000
# Frames whose predictions are kept; a face takes about 5 MB at a crop of 128 pixels.
_MAX_PREDICTIONS = 8
# Lead-in states that are kept: a few settings of each frame, about 1 MB each.
_MAX_STATES = 24
# Blended frames that are kept, so that another view of one costs no blend.
_MAX_BLENDED = 4
# Thumbnails that are kept: the timelines of several clips.
_MAX_THUMBNAILS = 256
# Height of a thumbnail in pixels.
_THUMBNAIL_HEIGHT = 90
# Options with which `FrameSwapper` parses both pictures of a face. `used_regions` then leaves out
# what a conversion does not parse, so that no change of an option runs a network again.
_PARSE_ALL = SwapOptions(mask="regions", glasses="target")

# Upright frames with their faces; the last one is asked for.
FoundFrames: TypeAlias = tuple[tuple[Frame, list[Face]], ...]


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a timeline needs to know of a clip."""

    frames: int
    """Number of frames."""
    rate: float
    """Average frames per second."""
    width: int
    """Width in pixels as shown: upright, with square pixels."""
    height: int
    """Height in pixels as shown."""

    def thumbnail_frames(self, count: int) -> list[int]:
        """Return the indices of frames that are spread evenly.

        Args:
            count: How many; fewer if the clip has fewer frames.
        """
        count = min(count, self.frames)
        return [int((index + 0.5) * self.frames / count) for index in range(count)]


@dataclass(frozen=True, slots=True)
class StillRequest:
    """One still."""

    clip: Path
    """The target."""
    bundle: Path
    """The bundle."""
    frame: int
    """Index of the frame."""
    options: SwapOptions = field(default_factory=SwapOptions)
    """Which faces are swapped and how; `on_missing` and the label do not apply."""
    view: StillView = StillView.SWAP
    """What it shows."""
    draft: bool = False
    """Whether erode, feather and forehead may apply to this frame alone, and not to the frames
    before it that it is smoothed with: for a slider that moves."""


@dataclass(frozen=True, slots=True)
class Still:
    """A picture of one frame."""

    picture: Rgb
    """Its pixels, upright and square."""
    faces: int
    """Number of swapped faces."""


@dataclass(frozen=True, slots=True)
class _OpenBundle:
    """A bundle whose network is loaded."""

    source: SwapSource
    """The bundle."""
    swapper: FrameSwapper
    """Runs its network."""


@dataclass(frozen=True, slots=True)
class _Prediction:
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
class _State:
    """What the blend of a frame continues from."""

    options: SwapOptions
    """The options of the frames before it."""
    arrays: dict[str, np.ndarray]
    """Their state."""


@dataclass(frozen=True, slots=True)
class _Blended:
    """A frame before and after the swap."""

    original: Rgb
    """Its square pixels before."""
    swapped: Rgb
    """The same after."""
    faces: tuple[BlendedFace, ...]
    """What is pasted."""


class StillEngine:
    """Makes stills that equal the frames of `faceloom convert --frame`.

    Methods are thread-safe. Stills are made one after the other; originals and thumbnails do not
    wait for them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thumbnail_lock = threading.Lock()
        self._finder: FaceFinder | None = None
        self._clips: LruCache[ClipFrames] = LruCache(_MAX_OPEN)
        self._bundles: LruCache[_OpenBundle] = LruCache(_MAX_OPEN)
        self._found: LruCache[FoundFrames] = LruCache(_FOUND_BYTES, _bytes_of)
        self._predictions: LruCache[_Prediction] = LruCache(_MAX_PREDICTIONS)
        self._states: LruCache[_State] = LruCache(_MAX_STATES)
        self._blended: LruCache[_Blended] = LruCache(_MAX_BLENDED)
        self._thumbnails: LruCache[Rgb] = LruCache(_MAX_THUMBNAILS)

    def clip_info(self, clip: Path) -> ClipInfo:
        """Return the properties of a clip.

        Args:
            clip: The video.

        Raises:
            UsageError: There is no such file.
            MediaUnreadable: It cannot be read.
        """
        frames = self._open_clip(clip)
        width, height = frames.info.display_size
        return ClipInfo(len(frames), float(frames.info.average_rate), width, height)

    def original(self, clip: Path, index: int) -> Rgb:
        """Return a frame of a clip, upright and with square pixels.

        Args:
            clip: The video.
            index: The frame's index.

        Raises:
            UsageError: There is no such file or frame.
            MediaUnreadable: It cannot be read.
        """
        frames = self._open_clip(clip)
        return frame_to_upright(frames.frame(index), frames.info).square_rgb

    def thumbnail(self, clip: Path, index: int) -> Rgb:
        """Return a small picture of a frame.

        Args:
            clip: The video.
            index: The frame's index.

        Raises:
            UsageError: There is no such file or frame.
            MediaUnreadable: It cannot be read.
        """
        # One after the other: a page asks for many at once, and each decodes with all cores.
        with self._thumbnail_lock:
            make = partial(self._shrunken, clip, index)
            return self._thumbnails.get_or_make((file_stamp(clip), index), make)

    def still(self, request: StillRequest) -> Still:
        """Make a still.

        Args:
            request: What it shows.

        Returns:
            The still; without a face to swap it shows the frame as it is.

        Raises:
            UsageError: The options are invalid, or there is no such file or frame.
            MediaUnreadable: The clip cannot be read.
            ArtifactRefused: The bundle cannot be used.
            ContentRefused: The content check refuses the frame.
        """
        options = replace(request.options, on_missing="keep", label=None)
        options.check()
        if options.reference or options.exclude:
            raise UsageError("A still cannot select people by pictures; use --select.")
        with self._lock:
            bundle = self._open_bundle(request.bundle)
            prediction = self._predict(request, bundle, options)
            blended = self._blend(prediction, bundle, options, draft=request.draft)
        picture = draw_view(request.view, blended.original, blended.swapped, blended.faces)
        return Still(picture, len(blended.faces))

    def _open_clip(self, clip: Path) -> ClipFrames:
        return self._clips.get_or_make(file_stamp(clip), partial(ClipFrames, clip))

    def _open_bundle(self, path: Path) -> _OpenBundle:
        return self._bundles.get_or_make(file_stamp(path), partial(_load_bundle, path))

    def _shrunken(self, clip: Path, index: int) -> Rgb:
        picture = self.original(clip, index)
        height, width = picture.shape[:2]
        size = (max(1, round(width * _THUMBNAIL_HEIGHT / height)), _THUMBNAIL_HEIGHT)
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)

    def _find(self, clip: Path, index: int, options: SwapOptions) -> FoundFrames:
        """Return a frame and its lead-in with their faces; the frame passes the content check."""
        first = first_frame(index, options)
        key = (file_stamp(clip), first, index)
        return self._found.get_or_make(key, partial(self._find_faces, clip, first, index))

    def _find_faces(self, clip: Path, first: int, index: int) -> FoundFrames:
        frames = self._open_clip(clip)
        frames.check(index)
        self._finder = self._finder or FaceFinder(detect_every=DETECT_EVERY)
        window = find_in_frames(
            frames.frames(first, index + SMOOTHING_RADIUS),
            frames.info,
            index,
            self._finder.for_new_video(),
        )
        found: deque[tuple[Frame, list[Face]]] = deque(maxlen=LEAD_IN + 1)
        for frame, faces in window:
            found.append((frame, faces))
            if frame.index == index:
                break
        check_frame(found[-1][0], frames.info)
        return tuple(found)

    def _predict(
        self, request: StillRequest, bundle: _OpenBundle, options: SwapOptions
    ) -> _Prediction:
        clip, path = file_stamp(request.clip), file_stamp(request.bundle)
        key = (clip, path, request.frame, options.select)
        cached = self._predictions.get(key)
        if cached is None:
            found = self._find(request.clip, request.frame, options)
            cached = _run_network(key, found, bundle, options)
            self._predictions.put(key, cached)
        return cached

    def _blend(
        self, prediction: _Prediction, bundle: _OpenBundle, options: SwapOptions, *, draft: bool
    ) -> _Blended:
        state = self._lead_in_state(prediction, bundle, options, draft=draft)
        key = (prediction.key, options, state.options)
        return self._blended.get_or_make(
            key, partial(_blend_frame, prediction, bundle, options, state)
        )

    def _lead_in_state(
        self, prediction: _Prediction, bundle: _OpenBundle, options: SwapOptions, *, draft: bool
    ) -> _State:
        """Return the state before the frame."""
        # Sharpening leaves no trace in the state.
        lead_in_options = replace(options, sharpen=None)
        key = (prediction.key, options.color, options.mask, options.glasses)
        state = self._states.get(key)
        if state is None or not (draft or state.options == lead_in_options):
            state = _blend_lead_in(prediction, bundle, lead_in_options)
            self._states.put(key, state)
        return state


def file_stamp(path: Path) -> tuple[Path, int, int]:
    """Return what changes when a file or a bundle is replaced.

    Args:
        path: The file or folder.

    Raises:
        UsageError: It does not exist.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); check the path.") from error
    return path, status.st_ino, status.st_mtime_ns


def _bytes_of(found: FoundFrames) -> int:
    return sum(frame.rgb.nbytes for frame, _ in found)


def _load_bundle(path: Path) -> _OpenBundle:
    source = SwapSource.from_bundle(path, ConvertOptions())
    return _OpenBundle(source, FrameSwapper(source.identity_map.sources, _PARSE_ALL))


def _run_network(
    key: Hashable, found: FoundFrames, bundle: _OpenBundle, options: SwapOptions
) -> _Prediction:
    selector = FaceSelector(options, bundle.source.identity_map.reference_set(options))
    frames = [SelectedFrame(frame, selector.select(frame, faces)) for frame, faces in found]
    swapped = bundle.swapper.predict([bundle.swapper.align(frame) for frame in frames])
    *lead_in, (last, faces) = zip(frames, map(tuple, swapped), strict=True)
    return _Prediction(
        key, tuple((frame.selection, before) for frame, before in lead_in), last, faces
    )


def _blend_lead_in(prediction: _Prediction, bundle: _OpenBundle, options: SwapOptions) -> _State:
    swapper = bundle.swapper.with_options(options, TrackState())
    for selection, faces in prediction.lead_in:
        swapper.skip(selection, _with_used_regions(faces, bundle, options))
    return _State(options, swapper.state.to_arrays())


def _blend_frame(
    prediction: _Prediction, bundle: _OpenBundle, options: SwapOptions, state: _State
) -> _Blended:
    swapper = bundle.swapper.with_options(options, TrackState.from_arrays(state.arrays))
    faces = _with_used_regions(prediction.faces, bundle, options)
    frame, blended = swapper.blend(prediction.selected, faces)
    return _Blended(prediction.selected.frame.square_rgb, frame.square_rgb, blended)


def _with_used_regions(
    faces: Sequence[SwappedFace], bundle: _OpenBundle, options: SwapOptions
) -> list[SwappedFace]:
    (source,) = bundle.source.identity_map.sources
    return [used_regions(face, source, options) for face in faces]
