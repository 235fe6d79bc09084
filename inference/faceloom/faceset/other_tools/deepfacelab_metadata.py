"""The metadata that DeepFaceLab stores in the faces it extracts.

DeepFaceLab writes each face as a JPEG whose segment APP15 is the pickle of a dictionary: the 68
landmarks in the picture's pixels, the face type, the file that the face was cut from, and masks.
The pickle is read as data (`plain_pickle`).
"""

import re
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from faceloom.array_types import float32
from faceloom.faceset.other_tools.face_origin import (
    FaceMetadataError,
    FaceOrigin,
    FacePlace,
    recorded_name,
)
from faceloom.faceset.other_tools.plain_pickle import (
    PickledArray,
    PickleRefused,
    read_plain_pickle,
)
from faceloom.json_documents import first_validation_error

# First bytes of a JPEG: the marker of its start.
_START = b"\xff\xd8"
# Second bytes of the markers of a JPEG's segments (ITU-T T.81, table B.1).
_APP15, _SCAN, _END = 0xEF, 0xDA, 0xD9
# Segments that are searched, at most; DeepFaceLab writes its own after the last other APP segment.
_MAX_SEGMENTS = 1000
# First byte of a pickle of protocol 2 or later.
_PICKLE = b"\x80"
# DeepFaceLab has FFmpeg number the frames of a video from 1: 00001.png. The name of the video is
# not recorded.
_VIDEO_FRAME = re.compile(r"[0-9]{5,9}")
# Name of a video whose name is not recorded.
_UNNAMED_VIDEO = "video"
# The face types whose pictures end between brows and chin.
_PARTIAL_TYPES = ("half_face", "midfull_face")
# Landmarks of a face.
_LANDMARKS = 68
# Fewest pixels of a face's width and height; smaller ones have no place that can be aligned.
_MIN_FACE = 4.0
# Landmarks of the eyes, the nose tip and the mouth corners among the 68 (iBUG 300-W): left in the
# picture first.
_EYES = (slice(36, 42), slice(42, 48))
_NOSE_TIP, _MOUTH_LEFT, _MOUTH_RIGHT = 30, 48, 54


def _to_list(value: Any) -> Any:
    """Return an array as lists: DeepFaceLab's resizer stores one, its extractor lists."""
    if isinstance(value, PickledArray) and value.values is not None:
        if value.values.shape != (_LANDMARKS, 2):
            raise ValueError(f"the array has the shape {value.values.shape}")
        return value.values.tolist()
    return value


# A coordinate in pixels; pictures have fewer pixels a side.
_Pixel = Annotated[float, Field(ge=-1e5, le=1e5, allow_inf_nan=False)]


class _Metadata(BaseModel):
    """The keys that are used; the others depend on DeepFaceLab's version."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    landmarks: Annotated[
        tuple[tuple[_Pixel, _Pixel], ...],
        BeforeValidator(_to_list),
        Field(min_length=_LANDMARKS, max_length=_LANDMARKS),
    ]
    face_type: Annotated[str, Field(max_length=40)] = "full_face"
    source_filename: Annotated[str, Field(max_length=1024)] | None = None


def read_deepfacelab_origin(file: IO[bytes] | BufferedIOBase) -> FaceOrigin | None:
    """Read where DeepFaceLab cut a face from, and where it is in the picture.

    Args:
        file: A picture, opened where it begins.

    Returns:
        The origin; None if the picture has no such metadata.

    Raises:
        FaceMetadataError: The metadata is damaged, or holds something else than data.
        OSError: The file cannot be read.
    """
    segment = _find_segment(file)
    if segment is None:
        return None
    try:
        metadata = _Metadata.model_validate(read_plain_pickle(segment))
    except PickleRefused as error:
        raise FaceMetadataError(str(error)) from error
    except ValidationError as error:
        raise FaceMetadataError(first_validation_error(error)) from error
    return _to_origin(metadata)


def _find_segment(file: IO[bytes] | BufferedIOBase) -> bytes | None:
    """Return the content of the segment APP15 that holds a pickle; None if there is none."""
    if file.read(len(_START)) != _START:
        return None
    for _ in range(_MAX_SEGMENTS):
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] in (_SCAN, _END):
            return None
        length = int.from_bytes(head[2:], "big") - 2
        if length < 0:
            return None
        if head[1] == _APP15:
            data = file.read(length)
            if data.startswith(_PICKLE):
                return data
        else:
            file.seek(length, 1)
    return None


def _to_origin(metadata: _Metadata) -> FaceOrigin:
    name = recorded_name(metadata.source_filename or "")
    stem, frame = Path(name).stem, 0
    if _VIDEO_FRAME.fullmatch(stem):
        name, frame = _UNNAMED_VIDEO, max(0, int(stem) - 1)
    return FaceOrigin(
        name,
        frame,
        place=_place_of(float32(metadata.landmarks)),
        is_partial=metadata.face_type in _PARTIAL_TYPES,
    )


def _place_of(points: np.ndarray) -> FacePlace:
    five = [points[eye].mean(0) for eye in _EYES]
    five += [points[index] for index in (_NOSE_TIP, _MOUTH_LEFT, _MOUTH_RIGHT)]
    left, top, right, bottom = np.concatenate([points.min(0), points.max(0)]).tolist()
    if min(right - left, bottom - top) < _MIN_FACE:
        raise FaceMetadataError("its landmarks are in one place")
    return FacePlace((left, top, right, bottom), tuple((float(x), float(y)) for x, y in five))
