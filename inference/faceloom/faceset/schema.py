"""What a face set holds: `faceset.json`, and one row of `faces.jsonl` a face."""

from typing import Annotated, Literal

from pydantic import Field

from faceloom.faces.alignment import CropGeometry
from faceloom.faces.pose import Pose
from faceloom.faces.quality import Quality
from faceloom.json_documents import StrictModel

SCHEMA: Literal[1] = 1

# Numbers that arithmetic in float32 and int64 survives; no picture has a million pixels a side.
Pixel = Annotated[float, Field(ge=-1e6, le=1e6)]
Whole = Annotated[int, Field(ge=-(2**62), le=2**62)]
Count = Annotated[int, Field(ge=0, le=2**62)]
PointXY = tuple[Pixel, Pixel]
# A crop's path in its set.
CropPath = Annotated[str, Field(pattern=r"^crops/[0-9A-Za-z_-]{1,100}\.jpg$")]


class FootageRow(StrictModel):
    """A file that faces came from."""

    name: Annotated[str, Field(max_length=4096)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    kind: Literal["video", "picture"]
    frames: Count


class FaceRow(StrictModel):
    """One face.

    `image` is its crop's path in the set. Points are in pixels of the source's upright frame;
    `pts` is the frame's time in the source's own units, `seconds` the same in seconds.
    `mask` says how the face's mask is known; `embedding` is its row in `embeddings.npy`.
    """

    image: CropPath
    source: Count
    frame: Count
    pts: Whole
    seconds: float
    track: Whole
    box_xyxy: tuple[Pixel, Pixel, Pixel, Pixel]
    score: float
    points_xy: Annotated[tuple[PointXY, ...], Field(min_length=5, max_length=5)]
    mesh_xy: Annotated[tuple[PointXY, ...], Field(min_length=468, max_length=468)]
    pose: Pose
    quality: Quality
    mask: Literal["mesh"]
    embedding: Count

    @property
    def size(self) -> float:
        """The longer side of its box in pixels of the source."""
        left, top, right, bottom = self.box_xyxy
        return max(right - left, bottom - top)


class FaceSetFile(StrictModel):
    """`faceset.json`."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    faceloom: str
    identity: Annotated[str, Field(min_length=1)]
    crop: CropGeometry
    sources: tuple[FootageRow, ...]
