"""What is known about the faces of a person and of a target, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import float32
from faceloom.faces.pose import Pose
from faceloom.faces.quality import Quality
from faceloom.faceset import FaceSet
from faceloom.review.lighting import Light

Column = Float32[np.ndarray, "_"]

# How far a person's eyes are open: this percentile of all openings, as blinks and lowered looks only take away.
_USUAL = 80
# An eye counts as shut below this share of that, on a head turned by no more than so many degrees: the mesh never
# quite shuts an eye, and nearly shuts those of a profile. On 2,038 synthetic faces that finds 70 of 78 shut eyes and
# takes 5 of 1,914 open ones for shut (0.78 of the median at any turn: 48 and 4). Every face of five real clips that
# it calls shut and that was looked at is shut, or nearly.
SHUT, _MOST_TURNED = 0.79, 35.0
# Sharpness (see Quality) below which a face is blurred.
BLURRED = 0.2


@dataclass(frozen=True, slots=True)
class FaceTable:
    """n faces as columns; degrees, pixels of the source, and the units of Quality.

    across, down and lab are of m <= n faces spread evenly: they need the pictures, and a few hundred tell it.
    """

    yaw: Column
    pitch: Column
    size: Column
    sharpness: Column
    exposure: Column
    clipped: Column
    eyes_open: Column
    mouth_open: Column
    across: Column
    down: Column
    lab: Float32[np.ndarray, "m 3"]

    @classmethod
    def of(
        cls,
        poses: Sequence[Pose],
        qualities: Sequence[Quality],
        sizes: Sequence[float],
        lights: Sequence[Light],
    ) -> "FaceTable":
        """Gather what was measured of each face."""
        return cls(
            yaw=float32([pose.yaw for pose in poses]),
            pitch=float32([pose.pitch for pose in poses]),
            size=float32(sizes),
            sharpness=float32([quality.sharpness for quality in qualities]),
            exposure=float32([quality.exposure for quality in qualities]),
            clipped=float32([quality.clipped for quality in qualities]),
            eyes_open=float32([quality.eyes_open for quality in qualities]),
            mouth_open=float32([quality.mouth_open for quality in qualities]),
            across=float32([light.across for light in lights]),
            down=float32([light.down for light in lights]),
            lab=float32([light.lab for light in lights]).reshape(-1, 3),
        )

    def __len__(self) -> int:
        return len(self.yaw)

    def openness(self) -> Column:
        """Return how far the eyes are open as a share of how far this person's usually are."""
        return float32(self.eyes_open / max(float(np.percentile(self.eyes_open, _USUAL)), 1e-6))

    def shut(self) -> Bool[np.ndarray, "n"]:
        """Tell which faces have their eyes shut."""
        return np.asarray((self.openness() < SHUT) & (np.abs(self.yaw) <= _MOST_TURNED), bool)


@dataclass(frozen=True, slots=True)
class SourceShare:
    """How many faces of a set came from one file."""

    name: str
    faces: int


@dataclass(frozen=True, slots=True)
class Person:
    """The faces of one face set. similarity: to the set's own center, a unit vector."""

    name: str
    faces: FaceSet
    table: FaceTable
    sources: tuple[SourceShare, ...]
    similarity: Column
    center: Column
    duplicate: Bool[np.ndarray, "n"]
    background_uniform: Column
    background_rgb: Float32[np.ndarray, "n 3"]

    def __len__(self) -> int:
        return len(self.table)


@dataclass(frozen=True, slots=True)
class TargetPerson:
    """The faces of one person in a target. looks_like: the face set of that person, or empty.

    label: that, or a number. name: it and the target's name, which stands alone where nobody else is in it.
    thumbs: the faces in small, as JPEG.
    """

    label: str
    name: str
    looks_like: str
    table: FaceTable
    thumbs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """Every `every`-th frame of a video and the people in it, whoever is seen most first.

    frames: how many were looked at. crowded, faceless: in how many more than one face, or none, was found.
    """

    name: str
    people: tuple[TargetPerson, ...]
    frames: int
    crowded: int
    faceless: int
    every: int


@dataclass(frozen=True, slots=True)
class Direction:
    """The guest's face is to be worn by the host. host: a person of the target, or the other person's face set."""

    guest: Person
    host: FaceTable
    host_name: str
    unit: str

    @property
    def text(self) -> str:
        """Say it in words."""
        return f"{self.guest.name}'s face on {self.host_name}"
