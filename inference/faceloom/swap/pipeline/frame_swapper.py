"""Swap the selected faces of a video's frames: align, predict, blend."""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace

import numpy as np

from faceloom.array_types import Mask, Rgb
from faceloom.faces.face_crop import FaceCrop
from faceloom.faces.parsing.face_parser import FaceParser
from faceloom.faces.parsing.regions import RegionMap, visible_mask
from faceloom.onnx_session import FaceModelOpener
from faceloom.provenance.watermark import WatermarkEmbedder
from faceloom.swap.compositing.paste_back import apply_tint, paste
from faceloom.swap.option_timeline import OptionTimeline
from faceloom.swap.options import BlendSettings, Section, SwapOptions
from faceloom.swap.pipeline.face_blending import (
    AlignedFace,
    BlendedFace,
    MatchedFace,
    SwappedFace,
    finish_face,
    follow_face,
    match_face,
)
from faceloom.swap.pipeline.parsed_faces import parses_faces, parses_predictions
from faceloom.swap.pipeline.selected_frame import AlignedFrame, SelectedFrame
from faceloom.swap.selection.face_selector import FaceSelection
from faceloom.swap.selection.lost_faces import LastFaces
from faceloom.swap.selection.track_state import TrackArrays, TrackState
from faceloom.swap.sources.face_source import CropBatch, FaceSource
from faceloom.video import Box, Frame


class FrameSwapper:
    """Swaps the selected faces of frames in three stages: `align`, `predict`, `blend`.

    Each stage may run in a thread of its own if it gets the frames in order. Only `blend`, `skip`
    and `warm_up` keep state.

    At the start and the end of a section, the running means of colors and masks start anew, as for
    a new track, if color transfer, mask, glasses or forehead change there, so that they contain no
    value of another setting. Otherwise they continue. The last face of `on_missing` is kept.
    """

    def __init__(
        self,
        sources: Sequence[FaceSource],
        options: SwapOptions,
        sections: Sequence[Section] = (),
        open_model: FaceModelOpener | None = None,
    ):
        """Swap by the options of a conversion and of its sections.

        Args:
            sources: the sources, by the indices of the selections.
            options: the options where there is no section.
            sections: what `resolve_sections` returns.
            open_model: opens the face parsing network; None opens it on the CPU.
        """
        self._sources = tuple(sources)
        self._set_options(options, sections, TrackState())
        variants = self._timeline.variants
        is_parsed = any(parses_faces(self._sources, variant) for variant in variants)
        # One thread: it runs beside decoding, blending and encoding.
        self._parser = FaceParser(1, open_model) if is_parsed else None

    def _set_options(
        self, options: SwapOptions, sections: Sequence[Section], state: TrackState
    ) -> None:
        self._timeline = OptionTimeline(options, sections)
        variants = self._timeline.variants
        self._settings = [
            [BlendSettings.from_options(source.blend, variant) for source in self._sources]
            for variant in variants
        ]
        measured = [[settings.measured for settings in each] for each in self._settings]
        # The same number for all variants that measure the same.
        self._groups = [measured.index(each) for each in measured]
        self._label = options.label
        fingerprint = options.watermark_fingerprint
        self._watermark = None if fingerprint is None else WatermarkEmbedder(fingerprint)
        self.state = state
        keeps_faces = any(variant.on_missing == "last" for variant in variants)
        self._last_faces = LastFaces(state, enabled=keeps_faces)

    def with_options(
        self, options: SwapOptions, state: TrackState, sections: Sequence[Section] = ()
    ) -> "FrameSwapper":
        """Return a swapper that blends with other options, to compare them on the same faces.

        It shares the sources and the face parser, which take longer to open than to run.

        Args:
            options: how its faces are blended.
            state: where it continues; a new one starts a clip.
            sections: what `resolve_sections` returns.

        Returns:
            The new swapper.
        """
        other = copy(self)
        other._set_options(options, sections, state)
        return other

    @property
    def sources(self) -> tuple[FaceSource, ...]:
        """The sources, by the indices of the selections."""
        return self._sources

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
            options = [
                self._timeline.options_at(frames[position].selection.index)
                for position, _ in aligned
            ]
            faces = self._predict_faces(source, [face for _, face in aligned], options)
            for (position, _), face in zip(aligned, faces, strict=True):
                swapped[position].append(face)
        return swapped

    def _predict_faces(
        self,
        source: FaceSource,
        faces: Sequence[AlignedFace],
        options: Sequence[SwapOptions],
    ) -> list[SwappedFace]:
        """Run one source on its faces, each with the options of its frame."""
        needed = [parses_faces(self._sources, each) for each in options]
        regions = self._parse([face.crop.rgb for face in faces], faces, needed)
        predictions = source.predict(_crop_batch(source, faces, regions))
        needed = [parses_predictions(source, each) for each in options]
        predicted = self._parse(list(predictions.faces), faces, needed)
        rows = zip(faces, predictions.faces, predictions.masks, regions, predicted, strict=True)
        return [SwappedFace(*row) for row in rows]

    def _parse(
        self, pictures: Sequence[Rgb], faces: Sequence[AlignedFace], needed: Sequence[bool]
    ) -> list[RegionMap | None]:
        """Return the regions of each face's picture; None if not needed or implausible."""
        regions: list[RegionMap | None] = [None] * len(faces)
        chosen = [position for position, is_needed in enumerate(needed) if is_needed]
        if not self._parser or not chosen:
            return regions
        parsed = self._parser.parse_faces(
            [pictures[position] for position in chosen],
            [faces[position].crop.mask for position in chosen],
        )
        for position, each in zip(chosen, parsed, strict=True):
            regions[position] = each
        return regions

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
        self.begin(selection)
        matched = self.match(selection, faces)
        if self._last_faces.enabled:
            # Any of them may be pasted later.
            self.finish(selection, matched)
        else:
            self.follow(selection, matched)
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
        self.begin(selected.selection)
        matched = self.match(selected.selection, faces)
        blended = self.finish(selected.selection, matched)
        return self.paste(selected, blended), blended

    def begin(self, selection: FaceSelection) -> None:
        """Start the next frame; call it before `match`.

        Args:
            selection: the frame's selection.
        """
        group = self._groups[self._timeline.variant_at(selection.index)]
        if self.state.counters.get("group", 0) != group:
            self.state.counters["group"] = group
            self.state.clear_tracks()
        self.state.begin_frame(face.track for face, _ in selection.faces)

    def match(
        self, selection: FaceSelection, faces: Sequence[SwappedFace]
    ) -> tuple[MatchedFace, ...]:
        """Match a frame's swapped faces to their targets; see `match_face`.

        Args:
            selection: the frame's selection.
            faces: its swapped faces.

        Returns:
            What `finish` completes, or `follow`.
        """
        settings = self._settings[self._timeline.variant_at(selection.index)]
        return tuple(
            match_face(face, settings[face.aligned.source], self._arrays_of(face)) for face in faces
        )

    def follow(self, selection: FaceSelection, faces: Sequence[MatchedFace]) -> None:
        """Update the state as `finish` does, for a frame that is not shown; see `follow_face`.

        Args:
            selection: the frame's selection.
            faces: its matched faces.
        """
        settings = self._settings[self._timeline.variant_at(selection.index)]
        for face in faces:
            swapped = face.swapped
            follow_face(face, settings[swapped.aligned.source], self._arrays_of(swapped))

    def finish(
        self, selection: FaceSelection, faces: Sequence[MatchedFace]
    ) -> tuple[BlendedFace, ...]:
        """Complete a frame's matched faces; see `finish_face`.

        Args:
            selection: the frame's selection.
            faces: its matched faces.

        Returns:
            What `paste` takes.
        """
        settings = self._settings[self._timeline.variant_at(selection.index)]
        blended = tuple(
            finish_face(face, settings[face.swapped.aligned.source], self._arrays_of(face.swapped))
            for face in faces
        )
        for face in blended:
            pasted = (face.matched, face.mask, face.frame_to_crop)
            self._last_faces.keep(face.swapped.aligned.source, pasted)
        return blended

    def paste(self, selected: SelectedFrame, blended: Sequence[BlendedFace]) -> Frame:
        """Paste blended faces into a copy of their frame.

        Args:
            selected: the frame, which stays as it is.
            blended: its blended faces.

        Returns:
            The new frame; the same one if nothing is pasted.
        """
        frame = selected.frame
        pasted = [(face.matched, face.mask, face.frame_to_crop) for face in blended]
        pasted += self._replacements(selected.selection)
        if not pasted and not self._label:
            return frame
        picture = frame.rgb.copy()
        changed = [
            apply_tint(picture, face.tint, face.frame_to_crop) for face in blended if face.tint
        ]
        changed += [paste(picture, *crop) for crop in pasted]
        changed += self._add_watermark(picture, blended)
        if self._label:
            changed.append(self._label.draw(picture))
        boxes = tuple(box for box in changed if box)
        return replace(frame, rgb=picture, changed_boxes=boxes, decoded_rgb=frame.rgb)

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
        regions = self._parse([aligned.crop.rgb], [aligned], [True])
        (picture,) = source.network_input(_crop_batch(source, [aligned], regions))
        return np.asarray(picture)

    def _arrays_of(self, face: SwappedFace) -> TrackArrays:
        return self.state.of_track(face.aligned.face.track)

    def _add_watermark(self, picture: Rgb, faces: Sequence[BlendedFace]) -> Iterator[Box | None]:
        """Mark the pasted faces in place; yield what was changed."""
        if not self._watermark:
            return
        for face in faces:
            geometry = self._sources[face.swapped.aligned.source].crop
            yield self._watermark.embed(picture, face.mask, face.frame_to_crop, geometry)

    def _replacements(self, selection: FaceSelection) -> list[tuple[Rgb, Mask, np.ndarray]]:
        """Return the faces that are pasted again; the state is updated with any policy."""
        kept = self._last_faces.replacements(selection.lost, shot_start=selection.shot_start)
        return kept if self._timeline.options_at(selection.index).on_missing == "last" else []


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
