"""One moment of a clip as the judge sees it: every version's face in one and the same crop."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import Affine, Rgb, float32
from faceloom.color import Lab, to_lab
from faceloom.compare.expression import gaze
from faceloom.compare.image_similarity import coarse
from faceloom.compare.seam import Rim
from faceloom.faces.alignment import CropGeometry, apply_affine, crop_face
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.face_recognition import MobileFaceNet
from faceloom.faces.mask import mesh_mask
from faceloom.faces.pose import head_pose

# A third more than the whole face, so that the rim of any mask lies in it.
CROP = CropGeometry(size=256, coverage=1.3)
# Part of the crop's side that is left out at the face's rim, where every swap blends.
_EROSION = 1 / 32
# A version's face is the target's if its middle lies within this part of its size.
_SAME_PLACE = 0.3
_NO_MESH = np.full((468, 3), np.nan, np.float32)


@dataclass(frozen=True, slots=True)
class Signs:
    """What is read off one face; NaN throughout where there is none.

    mesh: landmarks in pixels of the frame. angles: yaw, pitch, roll in degrees. vector: identity.
    gaze: see `faceloom.compare.expression.gaze`.
    """

    mesh: Float32[np.ndarray, "468 3"]
    angles: Float32[np.ndarray, "3"]
    vector: Float32[np.ndarray, "192"]
    gaze: Float32[np.ndarray, "2"]

    @classmethod
    def none(cls) -> "Signs":
        """Return those of no face."""
        return cls(_NO_MESH, *(np.full(size, np.nan, np.float32) for size in (3, 192, 2)))


@dataclass(frozen=True)
class Seen:
    """One version of a frame: its crop of CROP.size pixels at the target's face, and its own face's signs."""

    crop: Rgb
    signs: Signs

    @cached_property
    def lab(self) -> Lab:
        """The crop in CIE L*a*b*."""
        return to_lab(self.crop)

    @cached_property
    def tones(self) -> Lab:
        """Only the crop's color and light."""
        return coarse(self.lab)


@dataclass(frozen=True)
class Region:
    """The face's region in a crop, and without its rim."""

    face: Bool[np.ndarray, "s s"]

    @cached_property
    def inside(self) -> Bool[np.ndarray, "s s"]:
        """The face without its rim."""
        side = round(2 * _EROSION * len(self.face)) + 1
        return cv2.erode(self.face.astype(np.uint8), np.ones((side, side), np.uint8)) > 0

    @cached_property
    def rim(self) -> Rim:
        """Its rim, for seams."""
        return Rim(self.face)


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame where the target shows a face. versions: the target's, then the others' in order.

    region: of the target's face, or of the exact truth's where there is one.
    """

    frame: int
    versions: tuple[Seen, ...]
    region: Region


class Witness:
    """Looks at all versions of a clip frame by frame; the largest face of the target is the one that counts."""

    def __init__(self, versions: int, truth: int | None, *, stills: bool = False):
        """`truth`: which version is the exact truth, if any. `stills`: pictures that do not follow each other."""
        first = FaceFinder(detect_every=5)
        self._finders = [first, *(first.renewed() for _ in range(versions - 1))]
        self._stills = stills
        self._identify = MobileFaceNet()
        self._truth = truth

    def look(self, frame: int, pictures: Sequence[Rgb]) -> Moment | None:
        """Return what is seen of a frame, or None if the target shows no face."""
        if self._stills:
            self._finders = [finder.renewed() for finder in self._finders]
        faces = [
            finder.find([picture])[0]
            for finder, picture in zip(self._finders, pictures, strict=True)
        ]
        if not faces[0]:
            return None
        target = faces[0][0]
        matched = [_nearest(target, found) for found in faces]
        to_crop = CROP.frame_to_crop(target.points_xy)
        vectors = self._vectors(pictures, matched)
        versions = [
            _seen(picture, face, vector, to_crop)
            for picture, face, vector in zip(pictures, matched, vectors, strict=True)
        ]
        shown = matched[self._truth] if self._truth is not None else target
        return Moment(frame, tuple(versions), _region(shown or target, to_crop))

    def _vectors(
        self, pictures: Sequence[Rgb], faces: Sequence[Face | None]
    ) -> list[Float32[np.ndarray, "192"]]:
        known = [
            (picture, face.points_xy) for picture, face in zip(pictures, faces, strict=True) if face
        ]
        vectors = iter(self._identify.embed([p for p, _ in known], [points for _, points in known]))
        return [next(vectors) if face else Signs.none().vector for face in faces]


def _seen(
    picture: Rgb, face: Face | None, vector: Float32[np.ndarray, "192"], to_crop: Affine
) -> Seen:
    crop = crop_face(picture, to_crop, CROP.size)
    if face is None:
        return Seen(crop, Signs.none())
    pose = head_pose(face.landmarks)
    looks = gaze(crop, apply_affine(to_crop, face.landmarks.points_xy))
    return Seen(
        crop,
        Signs(face.landmarks.points_xyz, float32([pose.yaw, pose.pitch, pose.roll]), vector, looks),
    )


def _nearest(target: Face, found: Sequence[Face]) -> Face | None:
    """Return the face that lies where the target's does."""
    middle = target.points_xy.mean(0)
    away = [float(np.linalg.norm(face.points_xy.mean(0) - middle)) for face in found]
    best = int(np.argmin(away)) if found else 0
    return found[best] if found and away[best] < _SAME_PLACE * target.size else None


def _region(face: Face, to_crop: Affine) -> Region:
    mask = mesh_mask(apply_affine(to_crop, face.landmarks.points_xy), CROP.size, CROP.size)
    return Region(mask > 127)
