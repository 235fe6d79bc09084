"""The faces of a video's frames, exchanged: chosen, cut out and drawn, then matched and pasted, in that order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from faceloom.arrays import Affine, Mask, Rgb
from faceloom.errors import NoFaceFound
from faceloom.faces.align import apply_affine, crop_face
from faceloom.faces.find import Face
from faceloom.faces.mask import FOREHEAD_SHARE, mesh_mask
from faceloom.swap.blend import paste, sharpen
from faceloom.swap.cast import Cast
from faceloom.swap.choose import Chooser
from faceloom.swap.colour import match_colour
from faceloom.swap.masking import covering, soften, steadied
from faceloom.swap.memory import Memory, Notes, TrackNotes
from faceloom.swap.missing import MissingFaces
from faceloom.swap.options import Look, SwapOptions
from faceloom.swap.source import AlignedFaces, FaceSource
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
class DrawnFace:
    """One face of a frame, cut out, and what its source made of it, in pixels of the crop.

    outline: the target's own, as networks are shown it. learned: the source's mask.
    """

    face: Face
    source: int
    to_crop: Affine
    crop: Rgb
    outline: Mask
    drawn: Rgb
    learned: Mask


@dataclass(frozen=True, slots=True)
class BlendedFace:
    """A drawn face as it was pasted. covered: where, before its edge was softened to `mask`."""

    made_of: DrawnFace
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
        return Moment(frame, chosen, self._missing.lost(frame, {source for _, source in chosen}), begins_shot)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return what it remembers (see `Notes.to_arrays`)."""
        return self._notes.to_arrays()


class FrameSwapper:
    """Swaps the faces of a video's frames, in order, a batch at a time.

    `swap` does all of it. Its three stages may run in threads of their own, each with its frames in order: `choose`
    and `blend` remember (in the two parts of `memory`), `draw` does not. A swapper that is given the memory of
    another goes on as that one would have.
    """

    def __init__(self, source: FaceSource | Cast, options: SwapOptions, memory: Memory | None = None):
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
        return iter(self.render(self.choose(seen)))

    def render(self, moments: Sequence[Moment]) -> list[Frame]:
        """Draw and blend the faces of the next moments, in place, and return their frames."""
        return list(self.blend_all(moments, self.draw(moments)))

    def blend_all(self, moments: Sequence[Moment], drawn: Sequence[Sequence[DrawnFace]]) -> Iterator[Frame]:
        """Paste the drawn faces of each moment, in place, and return the frames."""
        for moment, faces in zip(moments, drawn, strict=True):
            yield replace(moment.frame, changed=self.blend(moment, faces).changed)

    def choose(self, seen: Iterable[Seen]) -> list[Moment]:
        """Choose the faces of the next frames. Raises NoFaceFound if one is lost and that is to be a failure."""
        return [self.choice.choose(frame, faces) for frame, faces in seen]

    def forget_blending(self) -> None:
        """Blend the next frame as the first one of all."""
        self.memory.blending.clear()

    def draw(self, moments: Sequence[Moment]) -> list[list[DrawnFace]]:
        """Cut the chosen faces out and let their sources draw others; all of a source are one batch."""
        drawn: list[list[DrawnFace]] = [[] for _ in moments]
        for number, source in enumerate(self._sources):
            chosen = [(at, face) for at, moment in enumerate(moments) for face, its in moment.faces if its == number]
            maps = [source.crop.frame_to_crop(face.points_xy) for _, face in chosen]
            pictures = [moments[at].frame.rgb for at, _ in chosen]
            targets = align(pictures, [face for _, face in chosen], maps, source.crop.size)
            made = source.swap_aligned(targets)
            for (at, face), *arrays in zip(
                chosen, maps, targets.crops, targets.outlines, made.faces, made.masks, strict=True
            ):
                drawn[at].append(DrawnFace(face, number, *arrays))
        return drawn

    def blend(self, moment: Moment, faces: Sequence[DrawnFace]) -> BlendedFrame:
        """Paste a frame's drawn faces into it, in place, and return how."""
        notes = self.memory.blending
        notes.begin_frame(drawn.face.track for drawn in faces)
        blended = tuple(blend_face(drawn, self._looks[drawn.source], notes.of(drawn.face.track)) for drawn in faces)
        changed = []
        for one in blended:
            changed.append(paste(moment.frame.rgb, one.matched, one.mask, one.made_of.to_crop))
            self._missing.keep(one.made_of.source, one.matched, one.mask, one.made_of.to_crop)
        changed += self._missing.fill(moment.frame.rgb, moment.lost, begins_shot=moment.begins_shot)
        if self._label:
            changed.append(self._label.draw(moment.frame.rgb))
        return BlendedFrame(blended, tuple(box for box in changed if box))

    def shown(self, drawn: DrawnFace) -> Rgb:
        """Return what the face's source looked at."""
        mesh_xy = apply_affine(drawn.to_crop, drawn.face.landmarks.points_xy)
        targets = AlignedFaces(drawn.crop[None], mesh_xy[None], drawn.outline[None])
        (shown,) = self._sources[drawn.source].shown(targets)
        return np.asarray(shown)


def blend_face(drawn: DrawnFace, look: Look, notes: TrackNotes) -> BlendedFace:
    """Match a drawn face to its target; `notes` are what is remembered of its track."""
    outline = drawn.outline
    if look.forehead != FOREHEAD_SHARE:
        size = len(outline)
        outline = mesh_mask(apply_affine(drawn.to_crop, drawn.face.landmarks.points_xy), size, size, look.forehead)
    covered = steadied(covering(look.mask, drawn.learned, outline), notes)
    matched = match_colour(look.colour, drawn.drawn, drawn.crop, covered, notes)
    mask = soften(covered, look.erode, look.feather)
    return BlendedFace(drawn, sharpen(matched, look.sharpen), covered, mask)


def align(pictures: Sequence[Rgb], faces: Sequence[Face], maps: Sequence[Affine], size: int) -> AlignedFaces:
    """Cut each face out of its picture by its map to a crop of `size` pixels."""
    crops = np.zeros((len(faces), size, size, 3), np.uint8)
    outlines = np.zeros((len(faces), size, size), np.uint8)
    meshes = np.zeros((len(faces), 468, 2), np.float32)
    for number, (picture, face, to_crop) in enumerate(zip(pictures, faces, maps, strict=True)):
        crops[number] = crop_face(picture, to_crop, size)
        meshes[number] = apply_affine(to_crop, face.landmarks.points_xy)
        outlines[number] = mesh_mask(meshes[number], size, size)
    return AlignedFaces(crops, meshes, outlines)
