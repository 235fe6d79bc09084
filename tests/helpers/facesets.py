"""Face sets written on the spot: every figure of every face is chosen, the pictures are painted."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from faceloom.array_types import Points, Rgb, float32, to_uint8
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.landmarks import CHIN, FOREHEAD
from faceloom.faces.pose import Pose
from faceloom.faces.quality import Quality
from faceloom.faceset import FaceRow, FaceSet, FaceSetWriter
from faceloom.faceset.schema import FootageRow

GEOMETRY = CropGeometry(size=64, coverage=1.5)
FILES = 5


@dataclass(frozen=True)
class FaceSpec:
    """A face to write. person: which of the unit axes its embedding lies on; light: its Light.across, about."""

    number: int
    source: int
    yaw: float
    pitch: float
    mouth_open: float
    eyes_open: float = 0.25
    light: float = 0.0
    person: int = 0
    sharpness: float = 0.8
    exposure: float = 0.5
    clipped: float = 0.0
    size: float = 200
    background_uniform: float = 0.4
    background_rgb: tuple[int, int, int] = (120, 120, 120)
    hash: str = ""


def good_faces(count: int = 120, person: int = 0) -> list[FaceSpec]:
    """Return faces without a fault: turned every way, lit from all sides, speaking, blinking, from five files."""
    return [
        FaceSpec(
            number=n,
            source=n % FILES,
            yaw=-20 + 40 * (n % 12) / 11,
            pitch=-8 + 16 * (n // 12 % 10) / 9,
            mouth_open=0.8 * (n * 7 % 11) / 10,
            eyes_open=0.1 if n % 20 == 7 else 0.25,
            light=-0.4 + 0.8 * (n * 5 % 13) / 12,
            person=person,
        )
        for n in range(count)
    ]


def changed(faces: Iterable[FaceSpec], share: float = 1.0, **values: object) -> list[FaceSpec]:
    """Return the faces with the first `share` of them changed."""
    faces = list(faces)
    until = round(share * len(faces))
    return [replace(face, **values) if n < until else face for n, face in enumerate(faces)]


def write_faceset(directory: Path, faces: Iterable[FaceSpec], name: str = "ada") -> FaceSet:
    """Write and read back a face set; its crops are painted at 64 pixels."""
    # A hundred small files would wait for the disk a hundred times.
    with patch("os.fsync"), FaceSetWriter.create(directory, name, GEOMETRY, force=True) as writer:
        for face in faces:
            writer.add(_row(face), _paint(face), _embedding(face))
        for number in range(FILES):
            writer.add_source(
                FootageRow(name=f"{name}{number}.mp4", sha256="0" * 64, kind="video", frames=100)
            )
    return FaceSet.read(directory)


def _row(face: FaceSpec) -> FaceRow:
    points, mesh = GEOMETRY.template_xy(), _mesh()
    return FaceRow(
        image=f"crops/{face.source:03d}_{face.number:06d}_0.jpg",
        source=face.source, frame=face.number, pts=face.number, seconds=face.number / 25, track=0,
        box_xyxy=(0.0, 0.0, face.size * 0.8, face.size), score=0.99,
        points_xy=tuple(map(tuple, points.tolist())), mesh_xy=tuple(map(tuple, mesh.tolist())),
        pose=Pose(yaw=face.yaw, pitch=face.pitch, roll=0.0),
        quality=Quality(
            sharpness=face.sharpness, exposure=face.exposure, clipped=face.clipped,
            eyes_open=face.eyes_open, mouth_open=face.mouth_open,
            background=0.8, background_uniform=face.background_uniform, background_rgb=face.background_rgb,
            hash=face.hash or hashlib.sha256(b"%d" % face.number).hexdigest()[:16],
        ),
        mask="mesh", embedding=0,
    )  # fmt: skip


def _mesh() -> Points:
    """An oval of points in the middle of the crop, forehead and chin in their places."""
    turn, far = np.arange(468) * 2.4, np.sqrt(np.arange(468) / 468)
    mesh = float32(np.stack([32 + 12 * far * np.cos(turn), 34 + 15 * far * np.sin(turn)], 1))
    mesh[FOREHEAD], mesh[CHIN] = (32, 19), (32, 49)
    return mesh.round(2)


def _paint(face: FaceSpec) -> Rgb:
    """Skin that grows brighter to one side."""
    across = np.linspace(-1, 1, 64)[None, :, None]
    return to_uint8(
        float32([180, 140, 110]) * (1 + 1.2 * face.light * across) * np.ones((64, 1, 1))
    )


def _embedding(face: FaceSpec) -> np.ndarray:
    noise = np.random.default_rng(face.number).normal(0, 0.02, 192)
    noise[face.person] += 1
    return float32(noise / np.linalg.norm(noise))
