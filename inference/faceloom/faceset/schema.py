"""What a face set holds: `faceset.json`, and one row of `faces.jsonl` a face."""

from typing import Annotated, Literal

from pydantic import Field

from faceloom.documents import Strict
from faceloom.faces.align import CropGeometry
from faceloom.faces.pose import Pose
from faceloom.faces.quality import Quality

SCHEMA: Literal[1] = 1

PointXY = tuple[float, float]
# A crop's path in its set.
CropPath = Annotated[str, Field(pattern=r"^crops/[0-9A-Za-z_-]+\.jpg$")]


class SourceRow(Strict):
    """A file that faces came from."""

    name: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    kind: Literal["video", "picture"]
    frames: Annotated[int, Field(ge=0)]


class FaceRow(Strict):
    """One face.

    `image` is its crop's path in the set. Points are in pixels of the source's upright frame;
    `pts` is the frame's time in the source's own units, `seconds` the same in seconds.
    `mask` says how the face's mask is known; `embedding` is its row in `embeddings.npy`.
    """

    image: CropPath
    source: Annotated[int, Field(ge=0)]
    frame: Annotated[int, Field(ge=0)]
    pts: int
    seconds: float
    track: int
    box_xyxy: tuple[float, float, float, float]
    score: float
    points_xy: Annotated[tuple[PointXY, ...], Field(min_length=5, max_length=5)]
    mesh_xy: Annotated[tuple[PointXY, ...], Field(min_length=468, max_length=468)]
    pose: Pose
    quality: Quality
    mask: Literal["mesh"]
    embedding: Annotated[int, Field(ge=0)]

    @property
    def size(self) -> float:
        """The longer side of its box in pixels of the source."""
        left, top, right, bottom = self.box_xyxy
        return max(right - left, bottom - top)


class FaceSetFile(Strict):
    """`faceset.json`."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    faceloom: str
    identity: Annotated[str, Field(min_length=1)]
    crop: CropGeometry
    sources: tuple[SourceRow, ...]
