"""The faces of a video's frames, exchanged: chosen, cut out and drawn, then matched and pasted, in that order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from faceloom.array_types import Affine, Mask, Points, Rgb
from faceloom.errors import NoFaceFound
from faceloom.faces.alignment import CropGeometry, apply_affine, crop_face
from faceloom.faces.face_finder import Face
from faceloom.faces.mask import FOREHEAD_SHARE, mesh_mask
from faceloom.swap.compositing.color_transfer import match_color
from faceloom.swap.compositing.mask_refinement import covering, soften, steadied
from faceloom.swap.compositing.paste_back import paste
from faceloom.swap.compositing.sharpening import sharpen, sharpen_like
from faceloom.swap.options import Look, SwapOptions
from faceloom.swap.selection.face_selector import Chooser
from faceloom.swap.selection.lost_faces import MissingFaces
from faceloom.swap.selection.track_state import Memory, Notes, TrackNotes
from faceloom.swap.sources.face_source import AlignedFaces, FaceSource
from faceloom.swap.sources.identity_map import Cast
from faceloom.video import Box, Frame

Seen = tuple[Frame, Sequence[Face]]


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame, its faces that are to be swapped, each with the number of its source, and the sources that lost theirs.

    begins_shot: whether a cut lies before it; only looked at where the last face is to be kept.
    """

    frame: Frame
    faces: tuple[tuple[Face, int], ...]
    lost: tuple[int, ...]
    begins_shot: bool


@dataclass(frozen=True, slots=True)
class CutFace:
    """One face of a frame, cut out as its source wants it. mesh_xy, outline: its own, in pixels of the crop."""

    face: Face
    source: int
    to_crop: Affine
    crop: Rgb
    mesh_xy: Points
    outline: Mask


@dataclass(frozen=True, slots=True)
class CutMoment:
    """All that drawing and remembering need of a `Moment`: a small part of its frame."""

    faces: tuple[CutFace, ...]
    lost: tuple[int, ...]
    begins_shot: bool


@dataclass(frozen=True, slots=True)
class DrawnFace:
    """What a source made of a face, in pixels of its crop. learned: the source's mask."""

    cut: CutFace
    drawn: Rgb
    learned: Mask


@dataclass(frozen=True, slots=True)
class BlendedFace:
    """A drawn face as it was pasted. covered: where, before its edge was softened to `mask`."""

    drawn: DrawnFace
    matched: Rgb
    covered: Mask
    mask: Mask


@dataclass(frozen=True, slots=True)
class BlendedFrame:
    """How a frame's faces were pasted, and where the picture is another one now."""

    faces: tuple[BlendedFace, ...]
    changed: tuple[Box, ...]


class FaceChoice:
    """Says of a video's frames, in order, which faces are swapped. It remembers in `notes` only."""

    def __init__(self, chooser: Chooser, missing: MissingFaces, notes: Notes):
        self._chooser, self._missing, self._notes = chooser, missing, notes

    def choose(self, frame: Frame, faces: Sequence[Face]) -> Moment:
        """Choose the next frame's faces. Raises NoFaceFound if one is lost and that is to be a failure."""
        chosen = tuple(self._chooser.choose(frame.rgb, faces))
        self._notes.count("faces", len(faces))
        self._notes.count("swapped", bool(chosen))
        begins_shot = self._missing.begins_shot(frame.rgb)
        return Moment(
            frame, chosen, self._missing.lost(frame, {source for _, source in chosen}), begins_shot
        )

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return what it remembers (see `Notes.to_arrays`)."""
        return self._notes.to_arrays()


class FrameSwapper:
    """Swaps the faces of a video's frames, in order, a batch at a time.

    `swap` does all of it. Its stages may run in threads of their own, each with its frames in order: `choose`
    and `blend` remember (in the two parts of `memory`), `cut` and `draw` do not. A swapper that is given the memory of
    another goes on as that one would have.
    """

    def __init__(
        self, source: FaceSource | Cast, options: SwapOptions, memory: Memory | None = None
    ):
        """Raise UsageError or MediaUnreadable if the options' pictures cannot be used."""
        cast = source if isinstance(source, Cast) else Cast.of_one(source, options)
        self.memory = memory or Memory()
        self._sources = cast.sources
        self.provider = cast.provider
        self._looks = [Look.of(one.blend, options) for one in cast.sources]
        self._missing = MissingFaces(options.on_missing, self.memory)
        self._label = options.label
        chooser = Chooser(options, cast.people(options), self.memory.choosing)
        self.choice = FaceChoice(chooser, self._missing, self.memory.choosing)

    @property
    def swapped_frames(self) -> int:
        """Frames so far in which a face was swapped."""
        return self.memory.choosing.numbers.get("swapped", 0)

    @property
    def missing_frames(self) -> int:
        """Frames so far in which a face that was there before was not."""
        return self.memory.choosing.numbers.get("missing", 0)

    def nobody(self, target: Path) -> NoFaceFound:
        """Return the error that says why no frame of `target` was swapped."""
        if self.memory.choosing.numbers.get("faces", 0):
            return NoFaceFound(
                f"None of the faces in {target} is the one asked for; nothing was written. --list-tracks shows who is "
                "there; another picture or a lower --threshold may help."
            )
        return NoFaceFound(f"No face was found in {target}; nothing was written.")

    def swap(self, seen: Sequence[Seen]) -> Iterator[Frame]:
        """Return upright frames with their faces exchanged, in place."""
        moments = self.choose(seen)
        yield from self.blend_all(moments, self.draw(moments))

    def blend_all(
        self, moments: Sequence[Moment], drawn: Sequence[Sequence[DrawnFace]]
    ) -> Iterator[Frame]:
        """Paste the drawn faces of each moment, in place, and return the frames."""
        for moment, faces in zip(moments, drawn, strict=True):
            yield replace(moment.frame, changed=self.blend(moment, faces).changed)

    def choose(self, seen: Iterable[Seen]) -> list[Moment]:
        """Choose the faces of the next frames. Raises NoFaceFound if one is lost and that is to be a failure."""
        return [self.choice.choose(frame, faces) for frame, faces in seen]

    def cut(self, moment: Moment) -> CutMoment:
        """Cut the chosen faces out of their frame."""
        picture = moment.frame.rgb
        faces = tuple(
            cut_face(picture, face, source, self._sources[source].crop)
            for face, source in moment.faces
        )
        return CutMoment(faces, moment.lost, moment.begins_shot)

    def draw(self, moments: Sequence[Moment]) -> list[list[DrawnFace]]:
        """Cut the chosen faces out and draw others; see `draw_cut`."""
        return self.draw_cut([self.cut(moment) for moment in moments])

    def draw_cut(self, moments: Sequence[CutMoment]) -> list[list[DrawnFace]]:
        """Let each face's source draw another; all of a source are one batch."""
        drawn: list[list[DrawnFace]] = [[] for _ in moments]
        for number, source in enumerate(self._sources):
            cut = [
                (at, face)
                for at, moment in enumerate(moments)
                for face in moment.faces
                if face.source == number
            ]
            made = source.swap_aligned(_aligned([face for _, face in cut], source.crop.size))
            for (at, face), picture, mask in zip(cut, made.faces, made.masks, strict=True):
                drawn[at].append(DrawnFace(face, picture, mask))
        return drawn

    def settle(self, before: Sequence[CutMoment]) -> None:
        """Forget what was blended, and remember these moments as if they had been: the next one comes after them."""
        self.memory.blending.clear()
        for moment, faces in zip(before, self.draw_cut(before), strict=True):
            self._match(faces)
            self._missing.held(moment.lost, begins_shot=moment.begins_shot)

    def blend(self, moment: Moment, faces: Sequence[DrawnFace]) -> BlendedFrame:
        """Paste a frame's drawn faces into it, in place, and return how."""
        blended, picture = self._match(faces), moment.frame.rgb
        pasted = [(one.matched, one.mask, one.drawn.cut.to_crop) for one in blended]
        pasted += self._missing.held(moment.lost, begins_shot=moment.begins_shot)
        changed = [paste(picture, *one) for one in pasted]
        if self._label:
            changed.append(self._label.draw(picture))
        return BlendedFrame(blended, tuple(box for box in changed if box))

    def _match(self, faces: Sequence[DrawnFace]) -> tuple[BlendedFace, ...]:
        """Match a frame's drawn faces to their targets, and remember them."""
        notes = self.memory.blending
        notes.begin_frame(drawn.cut.face.track for drawn in faces)
        blended = tuple(
            blend_face(drawn, self._looks[drawn.cut.source], notes.of(drawn.cut.face.track))
            for drawn in faces
        )
        for one in blended:
            self._missing.keep(one.drawn.cut.source, (one.matched, one.mask, one.drawn.cut.to_crop))
        return blended

    def shown(self, cut: CutFace) -> Rgb:
        """Return what the face's source looked at."""
        (shown,) = self._sources[cut.source].shown(_aligned([cut], len(cut.crop)))
        return np.asarray(shown)


def blend_face(drawn: DrawnFace, look: Look, notes: TrackNotes) -> BlendedFace:
    """Match a drawn face to its target; `notes` are what is remembered of its track."""
    cut, outline = drawn.cut, drawn.cut.outline
    if look.forehead != FOREHEAD_SHARE:
        outline = mesh_mask(cut.mesh_xy, len(outline), len(outline), look.forehead)
    covered = steadied(covering(look.mask, drawn.learned, outline), notes)
    matched = match_color(look.color, drawn.drawn, cut.crop, covered, notes)
    mask = soften(covered, look.erode, look.feather)
    return BlendedFace(drawn, _sharpened(matched, cut.crop, covered, look), covered, mask)


def _sharpened(face: Rgb, target: Rgb, covered: Mask, look: Look) -> Rgb:
    """Sharpen by what was asked for, or by what the source suggests and the target bears."""
    return (
        sharpen(face, look.sharpen)
        if look.as_asked
        else sharpen_like(face, target, covered, look.sharpen)
    )


def cut_face(picture: Rgb, face: Face, source: int, crop: CropGeometry) -> CutFace:
    """Cut a face out of its picture."""
    to_crop = crop.frame_to_crop(face.points_xy)
    mesh_xy = apply_affine(to_crop, face.landmarks.points_xy)
    outline = mesh_mask(mesh_xy, crop.size, crop.size)
    return CutFace(face, source, to_crop, crop_face(picture, to_crop, crop.size), mesh_xy, outline)


def _aligned(faces: Sequence[CutFace], size: int) -> AlignedFaces:
    """All faces of a source as one batch, which may be empty."""
    crops = np.zeros((len(faces), size, size, 3), np.uint8)
    outlines = np.zeros((len(faces), size, size), np.uint8)
    meshes = np.zeros((len(faces), 468, 2), np.float32)
    for number, face in enumerate(faces):
        crops[number], outlines[number], meshes[number] = face.crop, face.outline, face.mesh_xy
    return AlignedFaces(crops, meshes, outlines)
