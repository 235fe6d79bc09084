"""Faces as DeepFaceLab cuts and writes them: JPEGs with a pickle in APP15, and `faceset.pak`."""

import pickle
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from faceloom.array_types import Affine, Points, Rgb
from faceloom.faces.alignment import WHOLE_FACE_TEMPLATE, CropGeometry, crop_face
from faceloom.image_io import encode_picture

# For each face type the side of its square, and how much lower its center is, both in sides of the
# whole face: DeepFaceLab pads the square of the inner face by 0, 0.0675, 0.2109375, 0.4 and 0.7 on
# each side, and moves the last two up by 0.07 and 0.5.
_FACE_TYPES = {
    "half_face": (1 / 1.8, 0.07 / 1.8),
    "midfull_face": (1.135 / 1.8, 0.07 / 1.8),
    "full_face": (1.421875 / 1.8, 0.07 / 1.8),
    "whole_face": (1.0, 0.0),
    "head": (2.4 / 1.8, -0.43 / 1.8),
}


def cut_face(rgb: Rgb, landmarks: Points, face_type: str, side: int) -> tuple[Rgb, Affine]:
    """Cut a face with 68 landmarks as DeepFaceLab does; return the picture and the map to it."""
    coverage, lower = _FACE_TYPES[face_type]
    template = tuple((x, y - lower) for x, y in WHOLE_FACE_TEMPLATE)
    geometry = CropGeometry(size=side, coverage=coverage, template=template)
    eyes = [landmarks[36:42].mean(0), landmarks[42:48].mean(0)]
    to_picture = geometry.frame_to_crop(np.stack([*eyes, *landmarks[[30, 48, 54]]]))
    return crop_face(rgb, to_picture, side), to_picture


def metadata(landmarks: Points, face_type: str = "whole_face", /, **more: Any) -> dict[str, Any]:
    """Return the dictionary that DeepFaceLab's extractor stores."""
    return {
        "face_type": face_type,
        "landmarks": landmarks.astype(float).tolist(),
        "source_filename": "00042.png",
        "source_rect": [np.int32(10), np.int64(20), 200, 220],
        "source_landmarks": landmarks.astype(float).tolist(),
        "image_to_face_mat": np.eye(2, 3),
        "seg_ie_polys": {"polys": [{"type": 1, "pts": np.float32([[1, 2], [3, 4]])}]},
        "xseg_mask": np.arange(99, dtype=np.uint8)[:, None],
        "eyebrows_expand_mod": np.float32(1.5),
        **more,
    }


def to_jpeg(rgb: Rgb, stored: Any, protocol: int = 4) -> bytes:
    """Return a picture's JPEG with a pickle of `stored`, or with these bytes, in APP15."""
    data = stored if isinstance(stored, bytes) else pickle.dumps(stored, protocol)
    jpeg = encode_picture(rgb, ".jpg")
    # After APP0, the only APP segment that OpenCV writes.
    end = 4 + int.from_bytes(jpeg[4:6], "big")
    segment = b"\xff\xef" + struct.pack(">H", len(data) + 2) + data
    return jpeg[:end] + segment + jpeg[end:]


def to_pak(jpegs: Sequence[bytes]) -> bytes:
    """Return the archive of some pictures."""
    rows = pickle.dumps([{"filename": f"{index:05d}_0.jpg"} for index in range(len(jpegs))], 4)
    ends = np.cumsum([0, *map(len, jpegs)]).tolist()
    first = 16 + len(rows) + 8 * (len(jpegs) + 1)
    table = [*ends[:-1], first + ends[-1]]
    head = struct.pack("<QQ", 1, len(rows)) + rows + struct.pack(f"<{len(table)}Q", *table)
    return head + b"".join(jpegs)
