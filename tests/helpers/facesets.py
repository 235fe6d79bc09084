"""Face sets with chosen measurements and painted crops."""

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
from faceloom.faceset import FaceSet, FaceSetWriter
from faceloom.faceset.extraction_journal import encode_crop
from faceloom.faceset.schema import FaceRecord, FootageRow

GEOMETRY = CropGeometry(size=64, coverage=1.5)
FILES = 5


@dataclass(frozen=True)
class FaceSpec:
    """A face to write."""

    number: int
    """Index of the frame."""
    file: int
    """Index of the footage file."""
    yaw: float
    pitch: float
    mouth_open: float
    eyes_open: float = 0.25
    light: float = 0.0
    """Approximate horizontal gradient of the lighting."""
    person: int = 0
    """Axis of the embedding, a unit vector."""
    sharpness: float = 0.8
    exposure: float = 0.5
    clipped: float = 0.0
    size: float = 200
    background_uniform: float = 0.4
    background_rgb: tuple[int, int, int] = (120, 120, 120)
    hash: str = ""
    occluded: float = 0.0
    """See RegionShares; not in the face set, whose crops are painted."""
    fringe: float = 0.0
    glasses: float = 0.0


def good_faces(count: int = 120, person: int = 0) -> list[FaceSpec]:
    """Return faces without a finding: all poses, all lighting, speech, blinks, five files."""
    return [
        FaceSpec(
            number=n,
            file=n % FILES,
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
    """Write a face set with painted crops of 64 pixels, and read it."""
    # fsync of a hundred small files is slow.
    with patch("os.fsync"), FaceSetWriter.create(directory, name, GEOMETRY, force=True) as writer:
        for face in faces:
            _add_face(writer, directory, face)
        for number in range(FILES):
            writer.add_file(
                FootageRow(name=f"{name}{number}.mp4", sha256="0" * 64, kind="video", frames=100)
            )
    return FaceSet.read(directory)


def _add_face(writer: FaceSetWriter, directory: Path, face: FaceSpec) -> None:
    crop = directory.with_name(f".{directory.name}.jpg")
    crop.write_bytes(encode_crop(_paint(face)))
    writer.add_face(_record(face), crop, _embedding(face))
    crop.unlink()


def _record(face: FaceSpec) -> FaceRecord:
    points, mesh = GEOMETRY.template_xy(), _mesh()
    return FaceRecord(
        image=f"crops/{face.file:03d}_{face.number:06d}_0.jpg",
        file=face.file, frame=face.number, pts=face.number, seconds=face.number / 25, track=0,
        box_xyxy=(0.0, 0.0, face.size * 0.8, face.size), score=0.99,
        points_xy=tuple(map(tuple, points.tolist())), mesh_xy=tuple(map(tuple, mesh.tolist())),
        pose=Pose(yaw=face.yaw, pitch=face.pitch, roll=0.0),
        quality=Quality(
            sharpness=face.sharpness, exposure=face.exposure, clipped=face.clipped,
            eyes_open=face.eyes_open, mouth_open=face.mouth_open,
            background=0.8, background_uniform=face.background_uniform,
            background_rgb=face.background_rgb,
            hash=face.hash or hashlib.sha256(b"%d" % face.number).hexdigest()[:16],
        ),
        mask="mesh",
    )  # fmt: skip


def _mesh() -> Points:
    """Return an oval of points in the middle of the crop, with forehead and chin in place."""
    turn, far = np.arange(468) * 2.4, np.sqrt(np.arange(468) / 468)
    mesh = float32(np.stack([32 + 12 * far * np.cos(turn), 34 + 15 * far * np.sin(turn)], 1))
    mesh[FOREHEAD], mesh[CHIN] = (32, 19), (32, 49)
    return mesh.round(2)


def _paint(face: FaceSpec) -> Rgb:
    """Paint skin that is brighter on one side."""
    across = np.linspace(-1, 1, 64)[None, :, None]
    return to_uint8(
        float32([180, 140, 110]) * (1 + 1.2 * face.light * across) * np.ones((64, 1, 1))
    )


def _embedding(face: FaceSpec) -> np.ndarray:
    noise = np.random.default_rng(face.number).normal(0, 0.02, 192)
    noise[face.person] += 1
    return float32(noise / np.linalg.norm(noise))
