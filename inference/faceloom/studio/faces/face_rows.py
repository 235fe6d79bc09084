"""Read the rows of a face set without landmarks, as one structured array."""

import re
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from faceloom.errors import ArtifactRefused
from faceloom.faces.pose import Pose
from faceloom.faces.quality import Quality
from faceloom.faceset.schema import Count, CropPath, Pixel, SafeInt
from faceloom.faceset.store import ROWS_FILE, read_row_lines
from faceloom.json_documents import first_validation_error

# The 468 landmarks, nine tenths of a line, which are removed before it is parsed: parsing them
# takes most of the time of a row.
_LANDMARKS = re.compile(rb'"mesh_xy":\[\[[-+0-9.eE,\[\] ]*\]\],')
# Columns of the array. One row takes 200 bytes; a FaceRow takes 14,000.
ROW_TYPE = np.dtype([
    ("name", "S100"),
    ("file", np.int32),
    ("frame", np.int64),
    ("track", np.int64),
    ("seconds", np.float64),
    ("embedding", np.int64),
    ("size", np.float32),
    ("pose", np.float32, 3),
    ("sharpness", np.float64),
    ("exposure", np.float32),
    ("clipped", np.float32),
    ("openings", np.float32, 2),
    ("background_uniform", np.float32),
    ("background_rgb", np.float32, 3),
    ("hash", np.uint64),
])  # fmt: skip
# Largest index of a file or an embedding; no face set has more faces.
_MAX_INDEX = 2**31 - 1


class _Row(BaseModel):
    """A line of `faces.jsonl`. Keys that the studio does not show are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    image: CropPath
    """Path of the crop in the face set."""
    file: Count
    """Index of the footage file."""
    frame: Count
    """Index of the frame in the file."""
    track: SafeInt
    """Track of the face; unique within a file."""
    seconds: float
    """Presentation time in seconds."""
    box_xyxy: tuple[Pixel, Pixel, Pixel, Pixel]
    """Bounding box: left, top, right, bottom."""
    pose: Pose
    """Head pose in degrees."""
    quality: Quality
    """Measurements of the crop."""
    embedding: Count
    """Row of the face in `embeddings.npy`."""

    def values(self) -> tuple[object, ...]:
        """Return the values of the columns of ROW_TYPE."""
        left, top, right, bottom = self.box_xyxy
        pose, quality = self.pose, self.quality
        return (
            crop_name(self.image), self.file, self.frame, self.track, self.seconds, self.embedding,
            max(right - left, bottom - top), (pose.yaw, pose.pitch, pose.roll),
            quality.sharpness, quality.exposure, quality.clipped,
            (quality.eyes_open, quality.mouth_open), quality.background_uniform,
            quality.background_rgb, int(quality.hash, 16),
        )  # fmt: skip


def read_face_rows(directory: Path) -> np.ndarray:
    """Read all rows of a face set, those of rejected faces too.

    Args:
        directory: Its folder.

    Returns:
        A structured array of ROW_TYPE, one element per line.

    Raises:
        ArtifactRefused: A row is damaged, or there are none.
    """
    path = directory / ROWS_FILE
    values = [
        _parse(line, f"{path}, line {number}").values()
        for number, line in enumerate(read_row_lines(directory), 1)
    ]
    return np.array(values, ROW_TYPE)


def crop_name(image: str) -> str:
    """Return the name by which pages address a face.

    Args:
        image: Path of its crop in the face set.

    Returns:
        The file name without extension; letters, digits, `_` and `-`.
    """
    return image.removeprefix("crops/").removesuffix(".jpg")


def _parse(line: bytes, place: str) -> _Row:
    try:
        row = _Row.model_validate_json(_LANDMARKS.sub(b"", line, count=1))
    except ValidationError as error:
        raise ArtifactRefused(f"{place}: {first_validation_error(error)}.") from error
    if max(row.file, row.embedding) > _MAX_INDEX:
        raise ArtifactRefused(f"{place}: an index is larger than {_MAX_INDEX}.")
    return row
