"""What is known about the faces of a person and of a target, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from faceloom.arrays import Rgb, float32
from faceloom.faces.pose import Pose
from faceloom.faces.quality import Quality
from faceloom.faceset import FaceSet
from faceloom.review.light import Light

Column = Float32[np.ndarray, "_"]

# An eye counts as shut below this share of the same person's usual opening. The mesh never quite shuts an eye:
# on the synthetic people 8 of the 9 faces below it are truly shut, and 6 of the 14 shut ones are missed.
_SHUT = 0.78


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
        cls, poses: Sequence[Pose], qualities: Sequence[Quality], sizes: Sequence[float], lights: Sequence[Light]
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

    def shut(self) -> Bool[np.ndarray, "n"]:
        """Tell which faces have their eyes shut."""
        return np.asarray(self.eyes_open < _SHUT * np.median(self.eyes_open), bool)


@dataclass(frozen=True, slots=True)
class SourceShare:
    """How many faces of a set came from one file."""

    name: str
    faces: int


@dataclass(frozen=True, slots=True)
class Person:
    """The faces of one face set. similarity: to the set's own centre, a unit vector."""

    name: str
    faces: FaceSet
    table: FaceTable
    sources: tuple[SourceShare, ...]
    similarity: Column
    centre: Column
    duplicate: Bool[np.ndarray, "n"]
    background_uniform: Column
    background_rgb: Float32[np.ndarray, "n 3"]

    def __len__(self) -> int:
        return len(self.table)


@dataclass(frozen=True, slots=True)
class Target:
    """The largest face of every `every`-th frame of a video.

    frames: how many were looked at. crowded: in how many more than one face was found.
    thumbs: the faces in small.
    """

    name: str
    table: FaceTable
    frames: int
    crowded: int
    every: int
    centre: Column
    thumbs: tuple[Rgb, ...]


@dataclass(frozen=True, slots=True)
class Direction:
    """The guest's face is to be worn by the host. host: the target video, or the other person's face set."""

    guest: Person
    host: FaceTable
    host_name: str
    unit: str

    @property
    def text(self) -> str:
        """Say it in words."""
        return f"{self.guest.name}'s face on {self.host_name}"
