"""Statistics of the faces of a face set and of a target, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import float32
from faceloom.faces.expression import SHUT, relative_lid_opening
from faceloom.faces.parsing.occlusion import Occlusion
from faceloom.faces.pose import Pose
from faceloom.faces.quality import Quality
from faceloom.faceset import FaceSet
from faceloom.faceset.face_count import more_frames_help
from faceloom.faceset.parsing.region_shares import RegionShares
from faceloom.review.lighting import Lighting
from faceloom.review.openings import Opening

# One value per face.
FaceValues = Float32[np.ndarray, "_"]

# Degrees of yaw beyond which closed eyes are not detected: the landmarks of a profile's eyes are
# guessed.
_MAX_YAW = 35.0
# Sharpness (see Quality) below which a face is blurred.
BLURRED = 0.2


@dataclass(frozen=True, slots=True)
class FaceTable:
    """What is measured of n faces, one column per property."""

    yaw: FaceValues
    """Degrees; negative: the picture's left."""
    pitch: FaceValues
    """Degrees; positive: up."""
    size: FaceValues
    """Longer side of the face in pixels of the footage."""
    sharpness: FaceValues
    """See Quality."""
    exposure: FaceValues
    """See Quality."""
    clipped: FaceValues
    """See Quality."""
    eyes_open: FaceValues
    """See Opening."""
    mouth_open: FaceValues
    """See Opening."""
    gradient_x: FaceValues
    """See Lighting; of m <= n faces, evenly spread, as it needs the pictures."""
    gradient_y: FaceValues
    """See Lighting; of the same m faces."""
    lab: Float32[np.ndarray, "m 3"]
    """Mean colors in CIE L*a*b* of the same m faces."""

    @classmethod
    def from_faces(
        cls,
        poses: Sequence[Pose],
        qualities: Sequence[Quality],
        openings: Sequence[Opening],
        sizes: Sequence[float],
        lightings: Sequence[Lighting],
    ) -> "FaceTable":
        """Collect the measurements of faces.

        Args:
            poses: Head pose per face.
            qualities: Quality per face.
            openings: Openings of eyes and mouth per face.
            sizes: Size per face in pixels.
            lightings: Lighting of some of the faces.
        """
        return cls(
            yaw=float32([pose.yaw for pose in poses]),
            pitch=float32([pose.pitch for pose in poses]),
            size=float32(sizes),
            sharpness=float32([quality.sharpness for quality in qualities]),
            exposure=float32([quality.exposure for quality in qualities]),
            clipped=float32([quality.clipped for quality in qualities]),
            eyes_open=float32([opening.eyes for opening in openings]),
            mouth_open=float32([opening.mouth for opening in openings]),
            gradient_x=float32([lighting.gradient_x for lighting in lightings]),
            gradient_y=float32([lighting.gradient_y for lighting in lightings]),
            lab=float32([lighting.lab for lighting in lightings]).reshape(-1, 3),
        )

    def __len__(self) -> int:
        return len(self.yaw)

    def poses(self) -> Float32[np.ndarray, "n 2"]:
        """Return yaw and pitch of each face in degrees."""
        return np.stack([self.yaw, self.pitch], 1)

    def relative_eye_opening(self) -> FaceValues:
        """Return the eye opening of each face relative to the person's normal one."""
        return relative_lid_opening(self.eyes_open)

    def has_closed_eyes(self) -> Bool[np.ndarray, "n"]:
        """Return which faces have their eyes closed."""
        closed = self.relative_eye_opening() < SHUT
        return np.asarray(closed & (np.abs(self.yaw) <= _MAX_YAW), bool)


@dataclass(frozen=True, slots=True)
class FileShare:
    """How many faces of a set come from one file."""

    name: str
    """File name."""
    faces: int
    """Number of faces."""


@dataclass(frozen=True, slots=True)
class FaceSetStatistics:
    """What is measured of a face set of n faces."""

    name: str
    """Name of the identity."""
    faces: FaceSet
    """The face set."""
    table: FaceTable
    """Of all n faces."""
    files: tuple[FileShare, ...]
    """The files that the faces come from, the largest share first."""
    similarity: FaceValues
    """Cosine of each face to `center`."""
    center: FaceValues
    """Unit vector in the middle of the embeddings, [192]."""
    duplicate: Bool[np.ndarray, "n"]
    """Which faces are near-duplicates of another one."""
    background_uniform: FaceValues
    """See Quality."""
    background_rgb: Float32[np.ndarray, "n 3"]
    """See Quality, 0 to 255."""
    regions: tuple[RegionShares, ...]
    """What hides each face."""
    every: int = 1
    """At least every K-th frame of each video was used; 1: more frames cannot be used."""

    def __len__(self) -> int:
        return len(self.table)

    def hidden(self, name: str) -> FaceValues:
        """Return one of the numbers of RegionShares of each face.

        Args:
            name: Name of the number.
        """
        return float32([getattr(shares, name) for shares in self.regions])

    @property
    def more_frames_help(self) -> bool:
        """Whether extracting with a smaller --every adds different faces."""
        return more_frames_help(self.every, self.duplicate)


@dataclass(frozen=True, slots=True)
class TargetPersonStatistics:
    """What is measured of one person in a target."""

    label: str
    """Name of the face set that `matches`, or "person 1"."""
    name: str
    """Label and name of the target; only the target's name if nobody else is in it."""
    matches: str
    """Name of the face set of the same person; empty if there is none."""
    table: FaceTable
    """Of all their faces."""
    thumbnails: tuple[bytes, ...]
    """Their faces as small JPEG files."""


@dataclass(frozen=True, slots=True)
class TargetStatistics:
    """What is measured of a target."""

    name: str
    """File name."""
    people: tuple[TargetPersonStatistics, ...]
    """Whoever is in most frames first."""
    frames: int
    """Number of measured frames."""
    frames_with_several_faces: int
    """Number of them with more than one face."""
    frames_without_face: int
    """Number of them with no face."""
    every: int
    """Every `every`-th frame was measured."""
    occlusion: Occlusion = field(default_factory=Occlusion)
    """The measured frames in which something stands before a face."""


@dataclass(frozen=True, slots=True)
class SwapDirection:
    """A swap to be judged: the source's face on the target."""

    source: FaceSetStatistics
    """Whose face appears in the result."""
    target: FaceTable
    """The faces to replace."""
    target_name: str
    """Name of the person in the target, or of their face set."""
    unit: str
    """What the target's faces are counted in: "frames" or "faces"."""

    @property
    def text(self) -> str:
        """The direction in words."""
        return f"{self.source.name}'s face on {self.target_name}"
