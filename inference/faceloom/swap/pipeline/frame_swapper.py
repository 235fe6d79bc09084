"""Swap the selected faces of a video's frames: align, predict, blend."""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from faceloom.array_types import Mask, Rgb
from faceloom.faces.face_crop import FaceCrop
from faceloom.faces.face_finder import Face
from faceloom.faces.mask import FOREHEAD_EXTENSION, mesh_mask
from faceloom.faces.parsing.face_parser import FaceParser
from faceloom.faces.parsing.occlusion import STANDS_BEFORE, occluded_share
from faceloom.faces.parsing.regions import RegionMap, visible_mask
from faceloom.provenance.watermark import WatermarkEmbedder
from faceloom.swap.compositing.color_transfer import SKIN_METHODS, transfer_color
from faceloom.swap.compositing.face_mask import FacePair, paste_mask
from faceloom.swap.compositing.feature_color import FeatureMasks
from faceloom.swap.compositing.paste_back import apply_tint, paste
from faceloom.swap.compositing.remaining_skin import Tint, lead_over
from faceloom.swap.compositing.sharpening import sharpen, sharpen_to_match
from faceloom.swap.compositing.visible_skin import visible_skin
from faceloom.swap.options import BlendSettings, SwapOptions
from faceloom.swap.selection.face_selector import FaceSelection
from faceloom.swap.selection.lost_faces import LastFaces
from faceloom.swap.selection.track_state import TrackArrays, TrackState
from faceloom.swap.sources.face_source import CropBatch, FaceSource
from faceloom.video import Box, Frame


@dataclass(frozen=True, slots=True)
class SelectedFrame:
    """An upright frame and the faces in it that are swapped."""

    frame: Frame
    """The frame, never changed in place."""
    selection: FaceSelection
    """Its faces."""


@dataclass(frozen=True, slots=True)
class AlignedFace:
    """One face of a frame, aligned for its source."""

    face: Face
    """The face in pixels of the frame's `square_rgb`."""
    source: int
    """The index of its source."""
    crop: FaceCrop
    """Its crop in the source's geometry."""


@dataclass(frozen=True, slots=True)
class AlignedFrame:
    """The aligned faces of a frame, without its pixels: a small part of the frame's memory."""

    selection: FaceSelection
    """The frame's selection."""
    faces: tuple[AlignedFace, ...]
    """One for each face of the selection."""


@dataclass(frozen=True, slots=True)
class SwappedFace:
    """A source's prediction for one face."""

    aligned: AlignedFace
    """The face that was replaced."""
    prediction: Rgb
    """The source's face, in pixels of the crop."""
    learned_mask: Mask
    """The source's mask, in pixels of the crop."""
    target_regions: RegionMap | None = None
    """The target's regions; None if they are not asked for, or not plausible."""
    predicted_regions: RegionMap | None = None
    """The prediction's regions; None if they are not asked for, or not plausible."""

    @property
    def is_occluded(self) -> bool:
        """Whether something stands before the target's face; False if that is not known."""
        regions = self.target_regions
        return (
            regions is not None and occluded_share(regions, self.aligned.crop.mask) >= STANDS_BEFORE
        )


@dataclass(frozen=True, slots=True)
class BlendedFace:
    """A swapped face as it is pasted, in pixels of its crop."""

    swapped: SwappedFace
    """The prediction."""
    matched: Rgb
    """The prediction after color transfer and sharpening."""
    covered: Mask
    """The combined mask, smoothed over time."""
    mask: Mask
    """The combined mask, eroded and feathered."""
    tint: Tint | None = None
    """How the target's own skin beside it changes; None if it stays as it is."""


class FrameSwapper:
    """Swaps the selected faces of frames in three stages: `align`, `predict`, `blend`.

    Each stage may run in a thread of its own if it gets the frames in order. Only `blend`, `skip`
    and `warm_up` keep state.
    """

    def __init__(self, sources: Sequence[FaceSource], options: SwapOptions):
        self._sources = tuple(sources)
        # One thread: it runs beside decoding, blending and encoding.
        self._parser = FaceParser(threads=1) if parses_faces(self._sources, options) else None
        self._set_options(options, TrackState())

    def _set_options(self, options: SwapOptions, state: TrackState) -> None:
        self._settings = [
            BlendSettings.from_options(source.blend, options) for source in self._sources
        ]
        self._options = options
        self._label = options.label
        self._watermark = WatermarkEmbedder.open(options.watermark_fingerprint)
        self.state = state
        self._last_faces = LastFaces(options.on_missing, state)

    def with_options(self, options: SwapOptions, state: TrackState) -> "FrameSwapper":
        """Return a swapper that blends with other options, to compare them on the same faces.

        It shares the sources and the face parser, which take longer to open than to run.

        Args:
            options: how its faces are blended.
            state: where it continues; a new one starts a clip.

        Returns:
            The new swapper.
        """
        other = copy(self)
        other._set_options(options, state)
        return other

    def align(self, selected: SelectedFrame) -> AlignedFrame:
        """Crop the selected faces of a frame.

        Args:
            selected: the frame with its selection.

        Returns:
            The crops.
        """
        faces = tuple(
            AlignedFace(
                face,
                source,
                FaceCrop.from_image(
                    selected.frame.rgb,
                    face,
                    self._sources[source].crop,
                    selected.frame.to_square,
                ),
            )
            for face, source in selected.selection.faces
        )
        return AlignedFrame(selected.selection, faces)

    def predict(self, frames: Sequence[AlignedFrame]) -> list[list[SwappedFace]]:
        """Run the sources, each on one batch of all its faces.

        Args:
            frames: the aligned frames of a batch.

        Returns:
            The swapped faces of each frame.
        """
        swapped: list[list[SwappedFace]] = [[] for _ in frames]
        for index, source in enumerate(self._sources):
            aligned = [
                (position, face)
                for position, frame in enumerate(frames)
                for face in frame.faces
                if face.source == index
            ]
            faces = self._predict_faces(source, [face for _, face in aligned])
            for (position, _), face in zip(aligned, faces, strict=True):
                swapped[position].append(face)
        return swapped

    def _predict_faces(self, source: FaceSource, faces: Sequence[AlignedFace]) -> list[SwappedFace]:
        """Run one source on its faces."""
        regions = self._parse([face.crop.rgb for face in faces], faces)
        predictions = source.predict(_crop_batch(source, faces, regions))
        predicted: list[RegionMap | None] = [None] * len(faces)
        if parses_predictions(source, self._options):
            predicted = self._parse(list(predictions.faces), faces)
        rows = zip(faces, predictions.faces, predictions.masks, regions, predicted, strict=True)
        return [SwappedFace(*row) for row in rows]

    def _parse(
        self, pictures: Sequence[Rgb], faces: Sequence[AlignedFace]
    ) -> list[RegionMap | None]:
        """Return the regions of each face's picture; None without a parser or if implausible."""
        if not self._parser:
            return [None] * len(faces)
        return self._parser.parse_faces(pictures, [face.crop.mask for face in faces])

    def warm_up(self, lead_in: Sequence[AlignedFrame]) -> None:
        """Reset the state and bring it to where it is after the lead-in frames.

        Args:
            lead_in: the frames before a segment; none at the start of the target.
        """
        self.state.clear()
        for frame, faces in zip(lead_in, self.predict(lead_in), strict=True):
            self.skip(frame.selection, faces)

    def skip(self, selection: FaceSelection, faces: Sequence[SwappedFace]) -> None:
        """Update the state by the next frame as `blend` does, without pasting.

        Args:
            selection: the frame's selection.
            faces: its swapped faces.
        """
        self._match(faces)
        self._replacements(selection)

    def blend(
        self, selected: SelectedFrame, faces: Sequence[SwappedFace]
    ) -> tuple[Frame, tuple[BlendedFace, ...]]:
        """Paste the swapped faces of the next frame into a copy of it.

        Args:
            selected: the frame, which stays as it is.
            faces: its swapped faces.

        Returns:
            The new frame (the same one if nothing is pasted), and the blended faces.
        """
        frame, blended = selected.frame, self._match(faces)
        pasted = [(face.matched, face.mask, _frame_to_crop(face)) for face in blended]
        pasted += self._replacements(selected.selection)
        if not pasted and not self._label:
            return frame, blended
        picture = frame.rgb.copy()
        changed = [
            apply_tint(picture, face.tint, _frame_to_crop(face)) for face in blended if face.tint
        ]
        changed += [paste(picture, *crop) for crop in pasted]
        changed += self._add_watermark(picture, blended)
        if self._label:
            changed.append(self._label.draw(picture))
        boxes = tuple(box for box in changed if box)
        return replace(frame, rgb=picture, changed_boxes=boxes, decoded_rgb=frame.rgb), blended

    def blend_frames(
        self, frames: Iterable[SelectedFrame], faces: Iterable[Sequence[SwappedFace]]
    ) -> Iterator[Frame]:
        """Blend a batch; see `blend`.

        Args:
            frames: the frames of the batch.
            faces: the swapped faces of each.

        Yields:
            The new frames.
        """
        for selected, swapped in zip(frames, faces, strict=True):
            yield self.blend(selected, swapped)[0]

    def swap_frame(self, selected: SelectedFrame) -> tuple[Frame, tuple[BlendedFace, ...]]:
        """Run all three stages on the next frame alone.

        Args:
            selected: the frame with its selection.

        Returns:
            The new frame and its blended faces; see `blend`.
        """
        (faces,) = self.predict([self.align(selected)])
        return self.blend(selected, faces)

    def network_input(self, aligned: AlignedFace) -> Rgb:
        """Return the picture that a face's source works on.

        Args:
            aligned: the face.
        """
        source = self._sources[aligned.source]
        regions = self._parse([aligned.crop.rgb], [aligned])
        (picture,) = source.network_input(_crop_batch(source, [aligned], regions))
        return np.asarray(picture)

    def _match(self, faces: Sequence[SwappedFace]) -> tuple[BlendedFace, ...]:
        """Match a frame's swapped faces to their targets and update the state."""
        self.state.begin_frame(swapped.aligned.face.track for swapped in faces)
        blended = tuple(
            blend_face(
                swapped,
                self._settings[swapped.aligned.source],
                self.state.of_track(swapped.aligned.face.track),
            )
            for swapped in faces
        )
        for face in blended:
            pasted = (face.matched, face.mask, _frame_to_crop(face))
            self._last_faces.keep(face.swapped.aligned.source, pasted)
        return blended

    def _add_watermark(self, picture: Rgb, faces: Sequence[BlendedFace]) -> Iterator[Box | None]:
        """Mark the pasted faces in place; yield what was changed."""
        if not self._watermark:
            return
        for face in faces:
            geometry = self._sources[face.swapped.aligned.source].crop
            yield self._watermark.embed(picture, face.mask, _frame_to_crop(face), geometry)

    def _replacements(self, selection: FaceSelection) -> list[tuple[Rgb, Mask, np.ndarray]]:
        return self._last_faces.replacements(selection.lost, shot_start=selection.shot_start)


def blend_face(swapped: SwappedFace, settings: BlendSettings, state: TrackArrays) -> BlendedFace:
    """Match a swapped face to its target and compute its mask.

    Args:
        swapped: the prediction.
        settings: how the source's faces are blended.
        state: the arrays of the face's track, which are updated.

    Returns:
        What is pasted.
    """
    crop, outline = swapped.aligned.crop, swapped.aligned.crop.mask
    if settings.forehead != FOREHEAD_EXTENSION:
        outline = mesh_mask(crop.mesh_xy, len(outline), len(outline), settings.forehead)
    pair = FacePair(
        outline, swapped.learned_mask, swapped.target_regions, swapped.predicted_regions
    )
    mask = paste_mask(pair, settings, state)
    covered = mask.covered
    skin = visible_skin(pair, covered)
    features = FeatureMasks.of_pair(pair, len(covered))
    matched = transfer_color(
        settings.color, swapped.prediction, crop.rgb, covered, state, skin, features
    )
    sharpened = _sharpened(matched, crop.rgb, covered, settings)
    tint = None
    if settings.mask == "regions":
        tint = lead_over(pair, mask, skin, matched, crop.rgb, state)
    return BlendedFace(swapped, sharpened, covered, mask.blended, tint)


def parses_faces(sources: Sequence[FaceSource], options: SwapOptions) -> bool:
    """Tell whether a conversion parses faces: if the mask or a source's input needs it.

    Args:
        sources: the sources.
        options: how faces are swapped.
    """
    return options.mask == "regions" or any(source.face_mask == "regions" for source in sources)


def parses_predictions(source: FaceSource, options: SwapOptions) -> bool:
    """Tell whether a conversion parses the faces that a source predicts.

    Some methods match the color of the skin alone. The mask of a network that learned the visible
    face leaves out hair and keeps glasses; that of any other does not.

    Args:
        source: the source.
        options: how faces are swapped.
    """
    return options.mask == "regions" and (
        BlendSettings.from_options(source.blend, options).color in SKIN_METHODS
        or source.face_mask == "mesh"
        or options.glasses == "target"
    )


def _crop_batch(
    source: FaceSource, faces: Sequence[AlignedFace], regions: Sequence[RegionMap | None]
) -> CropBatch:
    """Stack faces with the masks that the source was trained with."""
    crops = [face.crop for face in faces]
    masks = [
        visible_mask(crop.mask, parsed) if source.face_mask == "regions" else crop.mask
        for crop, parsed in zip(crops, regions, strict=True)
    ]
    return CropBatch.from_crops(crops, source.crop.size, masks)


def _sharpened(face: Rgb, target: Rgb, covered: Mask, settings: BlendSettings) -> Rgb:
    return (
        sharpen(face, settings.sharpen)
        if settings.sharpen_exactly
        else sharpen_to_match(face, target, covered, settings.sharpen)
    )


def _frame_to_crop(blended: BlendedFace) -> np.ndarray:
    return blended.swapped.aligned.crop.frame_to_crop
