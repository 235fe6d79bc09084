"""The documents of a face set: `faceset.json`, and one line of `faces.jsonl` per face."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PlainSerializer

from faceloom.faces.alignment import CropGeometry
from faceloom.faces.pose import Pose
from faceloom.faces.quality import Quality
from faceloom.faceset.packed_points import PackedPoints
from faceloom.json_documents import StrictModel

SCHEMA: Literal[2] = 2

# Coordinates that float32 arithmetic survives; no image has a side of a million pixels.
Pixel = Annotated[float, Field(ge=-1e6, le=1e6)]
# Integers that int64 arithmetic survives.
SafeInt = Annotated[int, Field(ge=-(2**62), le=2**62)]
Count = Annotated[int, Field(ge=0, le=2**62)]
PointXY = tuple[Pixel, Pixel]
# The landmarks take nine tenths of a row, so they are packed.
MeshXY = Annotated[
    Sequence[PointXY],
    Field(min_length=468, max_length=468),
    AfterValidator(PackedPoints),
    PlainSerializer(tuple, return_type=tuple[tuple[float, float], ...]),
]
# Path of a crop in its face set.
CropPath = Annotated[str, Field(pattern=r"^crops/[0-9A-Za-z_-]{1,100}\.jpg$")]


class FootageRow(StrictModel):
    """A file that faces were extracted from."""

    name: Annotated[str, Field(max_length=4096)]
    """File name."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Checksum of the file."""
    kind: Literal["video", "picture"]
    """What the file is."""
    frames: Count
    """Frames that were searched for faces."""


class FaceRecord(StrictModel):
    """The measurements of one face. Points are in pixels of the upright frame."""

    image: CropPath
    """Path of the crop in the face set."""
    file: Count
    """Index of the footage file in the face set's `files`."""
    frame: Count
    """Index of the frame in the file."""
    pts: SafeInt
    """Presentation time in the file's time base."""
    seconds: float
    """Presentation time in seconds."""
    track: SafeInt
    """Track of the face; unique within a file."""
    box_xyxy: tuple[Pixel, Pixel, Pixel, Pixel]
    """Bounding box: left, top, right, bottom."""
    score: float
    """Confidence of the detector, 0 to 1."""
    points_xy: Annotated[tuple[PointXY, ...], Field(min_length=5, max_length=5)]
    """The five points that the alignment uses: eyes, nose, mouth corners."""
    mesh_xy: MeshXY
    """The 468 landmarks; validation makes them PackedPoints."""
    pose: Pose
    """Head pose in degrees."""
    quality: Quality
    """Measurements of the crop."""
    mask: Literal["mesh"]
    """How the mask of the face is made: from the landmarks."""

    @property
    def size(self) -> float:
        """The longer side of the bounding box in pixels."""
        left, top, right, bottom = self.box_xyxy
        return max(right - left, bottom - top)


class FaceRow(FaceRecord):
    """One line of `faces.jsonl`."""

    embedding: Count
    """Row of the face in `embeddings.npy`."""


class FaceSetFile(StrictModel):
    """`faceset.json`."""

    schema_number: Annotated[Literal[2], Field(alias="schema")] = SCHEMA
    """Version of the format."""
    faceloom_version: str
    """Version of Faceloom that wrote the face set."""
    identity: Annotated[str, Field(min_length=1)]
    """Name of the person."""
    crop: CropGeometry
    """Geometry of the crops."""
    files: tuple[FootageRow, ...]
    """The footage."""
