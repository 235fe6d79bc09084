"""Swapped stills of clips, in cached stages: faces, prediction, match, blend."""

import threading
from collections.abc import Hashable
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from faceloom.array_types import Rgb
from faceloom.faces.face_finder import FaceFinder
from faceloom.progress import Progress
from faceloom.provenance import check_frame
from faceloom.studio.lru_cache import LruCache
from faceloom.studio.stills.clip_frames import ClipFrames
from faceloom.studio.stills.frame_chains import FaceChain, SwapChain, run_network
from faceloom.studio.stills.still_options import StillOptions
from faceloom.studio.stills.still_request import ClipInfo, Still, StillRequest
from faceloom.studio.stills.still_sources import StillSources, versioned
from faceloom.studio.stills.still_views import draw_view
from faceloom.studio.stills.swap_stages import (
    Blended,
    LeadInState,
    MatchedLeadIn,
    OpenSources,
    Prediction,
    blend_frame,
    blend_lead_in,
    match_frame,
    match_lead_in,
)
from faceloom.studio.stills.track_analysis import TrackAnalysis
from faceloom.swap.bundle.manifest import BlendRow
from faceloom.swap.pipeline.analysis import DETECT_EVERY
from faceloom.swap.pipeline.face_blending import MatchedFace
from faceloom.swap.preview.frame_lead_in import first_frame
from faceloom.video import Frame

# Clips that stay open: the one that is shown and the one before it.
_MAX_OPEN = 2
# Clips whose track analysis is kept: those of several tabs of the browser.
_MAX_ANALYZED = 4
# Chains that are kept: those of the frames that are shown and of the next ones. Each has up to 17
# swapped frames; a face of one takes about 0.4 MB at a crop of 128 pixels, 0.9 MB at 256.
_MAX_CHAINS = 4
# Frames that are known to have passed the content check.
_MAX_CHECKED = 10_000
# Frames whose predictions are kept. Those of one chain share their lead-in: at most eight chains.
_MAX_PREDICTIONS = 8
# Matched lead-ins that are kept: the frames take about 15 MB at a crop of 256 pixels.
_MAX_LEAD_INS = 8
# Matched frames that are kept: a few settings of each frame, about 1 MB each.
_MAX_MATCHED = 24
# Lead-in states that are kept: a few settings of each frame, about 1 MB each.
_MAX_STATES = 24
# Blended frames that are kept, so that another view of one costs no blend.
_MAX_BLENDED = 4
# Thumbnails that are kept: the timelines of several clips.
_MAX_THUMBNAILS = 256
# Height of a thumbnail in pixels.
_THUMBNAIL_HEIGHT = 90


class StillEngine:
    """Makes stills that equal the frames of `faceloom convert --frame`.

    Methods are thread-safe. Stills are made one after the other; between two calls of `prepare`
    another one can be made. Originals and thumbnails do not wait for them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thumbnail_lock = threading.Lock()
        self._finder: FaceFinder | None = None
        self._clips: LruCache[ClipFrames] = LruCache(_MAX_OPEN)
        self._sources = StillSources()
        self._tracks: LruCache[TrackAnalysis] = LruCache(_MAX_ANALYZED)
        self._faces: LruCache[FaceChain] = LruCache(_MAX_CHAINS)
        self._chains: LruCache[SwapChain] = LruCache(_MAX_CHAINS)
        self._checked: LruCache[bool] = LruCache(_MAX_CHECKED)
        self._predictions: LruCache[Prediction] = LruCache(_MAX_PREDICTIONS)
        self._lead_ins: LruCache[MatchedLeadIn] = LruCache(_MAX_LEAD_INS)
        self._matched: LruCache[tuple[MatchedFace, ...]] = LruCache(_MAX_MATCHED)
        self._states: LruCache[LeadInState] = LruCache(_MAX_STATES)
        self._blended: LruCache[Blended] = LruCache(_MAX_BLENDED)
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
        frames.check(index)
        # The decoder stays where it is, so that frames can be played one after the other.
        (frame,) = frames.frames(index, index)
        return frame.square_rgb

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
            return self._thumbnails.get_or_make((versioned(clip), index), make)

    def still(self, request: StillRequest) -> Still:
        """Make a still.

        Args:
            request: What it shows.

        Returns:
            The still; without a face to swap it shows the frame as it is.

        Raises:
            UsageError: The options are invalid, there is no such file or frame, or a picture of a
                person shows no face.
            MediaUnreadable: The clip or a picture cannot be read.
            ArtifactRefused: A bundle cannot be used.
            ContentRefused: The content check refuses the frame.
        """
        options = StillOptions.of(request.options, request.sections)
        with self._lock:
            sources = self._sources.open(request)
            prediction = self._predict(request, sources, options)
            blended = self._blend(prediction, sources, options, draft=request.draft)
        picture = draw_view(request.view, blended.original, blended.swapped, blended.faces)
        return Still(picture, len(blended.faces))

    def prepare(self, request: StillRequest, seconds: float) -> Progress | None:
        """Find and predict the faces of a still and of the frames before it, for a limited time.

        Args:
            request: The still.
            seconds: Time after which it stops, after at least one frame.

        Returns:
            How many of these frames are done; None if `still` needs no more.

        Raises:
            FaceloomError: As `still`.
        """
        options = StillOptions.of(request.options, request.sections)
        with self._lock:
            sources = self._sources.open(request)
            key, is_alone = self._prediction_key(request, sources, options)
            if is_alone or self._predictions.get(key):
                return None
            frames, index = self._open_clip(request.clip), request.frame
            frames.check(index)
            if options.selects_track(range(first_frame(index), index + 1)):
                left = self._track_analysis(request.clip).advance(frames, index, seconds)
                if left:
                    return Progress("frames", index - left, index)
            chain = self._chain(request, sources, options)
            left = chain.advance(frames, index, seconds)
            total = index - chain.first + 1
            return Progress("frames", total - left, total) if left else None

    def suggestions(self, bundle: Path) -> BlendRow:
        """Return the blend settings that a bundle suggests, which apply where options are None.

        Args:
            bundle: The bundle, which is opened.

        Raises:
            UsageError: There is no such bundle.
            ArtifactRefused: It cannot be used.
        """
        with self._lock:
            return self._sources.bundle(bundle).blend

    def _open_clip(self, clip: Path) -> ClipFrames:
        return self._clips.get_or_make(versioned(clip), partial(ClipFrames, clip))

    def _shrunken(self, clip: Path, index: int) -> Rgb:
        picture = self._open_clip(clip).frame(index).square_rgb
        height, width = picture.shape[:2]
        size = (max(1, round(width * _THUMBNAIL_HEIGHT / height)), _THUMBNAIL_HEIGHT)
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)

    def _predict(
        self, request: StillRequest, sources: OpenSources, options: StillOptions
    ) -> Prediction:
        """Return a frame's prediction; for a draft that of the frame alone if there is no other."""
        key, is_alone = self._prediction_key(request, sources, options)
        known = self._predictions.get(key)
        if known is None:
            frames = self._open_clip(request.clip)
            frames.check(request.frame)
            if is_alone:
                faces = FaceChain(request.frame, self._new_finder(), alone=True)
                chain = SwapChain(request.frame, faces, sources, options)
            else:
                chain = self._chain(request, sources, options)
            known = run_network(key, chain, frames, request.frame)
            # Not before: the decoder would read the frames before this one twice.
            self._check_content(request.clip, known.selected.frame)
            self._predictions.put(key, known)
        return known

    def _prediction_key(
        self, request: StillRequest, sources: OpenSources, options: StillOptions
    ) -> tuple[Hashable, bool]:
        """Return the key of a prediction, and whether that is of the frame alone, not smoothed."""
        key = (versioned(request.clip), sources.key, request.frame, options.selected_by)
        has_track = options.selects_track(range(request.frame, request.frame + 1))
        if not request.draft or has_track or self._predictions.get(key):
            return key, False
        return (key, "alone"), True

    def _chain(
        self, request: StillRequest, sources: OpenSources, options: StillOptions
    ) -> SwapChain:
        """Return the chain that a frame and its lead-in belong to."""
        clip, first = versioned(request.clip), first_frame(request.frame)
        has_track = options.selects_track(range(first, request.frame + 1))
        if has_track:
            # Its faces are those from an earlier frame on, and no more frames are swapped.
            frames = self._open_clip(request.clip)
            make_faces = partial(self._track_analysis(request.clip).chain, frames, request.frame)
        else:
            make_faces = partial(FaceChain, first, self._new_finder())
        faces = self._faces.get_or_make((clip, first, has_track), make_faces)
        return self._chains.get_or_make(
            (clip, sources.key, first, options.selected_by, has_track),
            partial(SwapChain, first, faces, sources, options),
        )

    def _track_analysis(self, clip: Path) -> TrackAnalysis:
        make = partial(TrackAnalysis, self._new_finder())
        return self._tracks.get_or_make(versioned(clip), make)

    def _new_finder(self) -> FaceFinder:
        """Return a finder that has processed no frame, with the networks of all others."""
        self._finder = self._finder or FaceFinder(detect_every=DETECT_EVERY)
        return self._finder.for_new_video()

    def _check_content(self, clip: Path, frame: Frame) -> None:
        """Run the content check on a frame once."""
        key = (versioned(clip), frame.index)
        if not self._checked.get(key):
            check_frame(frame, self._open_clip(clip).info)
            self._checked.put(key, True)

    def _blend(
        self, prediction: Prediction, sources: OpenSources, options: StillOptions, *, draft: bool
    ) -> Blended:
        before = self._matched_lead_in(prediction, sources, options, draft=draft)
        state = self._lead_in_state(prediction, before, sources, options, draft=draft)
        faces = self._matched.get_or_make(
            (prediction.key, options.measured, before.options.measured),
            partial(match_frame, prediction, sources, options, before),
        )
        key = (prediction.key, options, state.options, before.options.measured)
        make = partial(blend_frame, prediction, faces, sources, options, state)
        return self._blended.get_or_make(key, make)

    def _matched_lead_in(
        self, prediction: Prediction, sources: OpenSources, options: StillOptions, *, draft: bool
    ) -> MatchedLeadIn:
        """Return the matched frames before the frame."""
        key = (prediction.key, options.measured_except_forehead)
        before = self._lead_ins.get(key)
        if before is None or not (draft or before.options.measured == options.measured):
            before, state = match_lead_in(prediction, sources, options)
            self._lead_ins.put(key, before)
            self._states.put(key, state)
        return before

    def _lead_in_state(
        self,
        prediction: Prediction,
        before: MatchedLeadIn,
        sources: OpenSources,
        options: StillOptions,
        *,
        draft: bool,
    ) -> LeadInState:
        """Return the state before the frame."""
        lead_in_options = options.without_sharpening
        key = (prediction.key, options.measured_except_forehead)
        state = self._states.get(key)
        if state is None or not (draft or state.options == lead_in_options):
            state = blend_lead_in(before.frames, sources, lead_in_options)
            self._states.put(key, state)
        return state
