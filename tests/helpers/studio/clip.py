"""A short clip with one face, then none, for the studio's tests."""

from pathlib import Path

import cv2
import numpy as np
from tests.helpers.clips import make_clip

from faceloom.video import read_frames

# Frames with a face.
FACE_FRAMES = 20
# Frames of the whole clip.
ALL_FRAMES = 26


def make_studio_clip(path: Path, sample: Path) -> Path:
    """Write the clip; it has a key frame at every eighth frame.

    Args:
        path: The file to write.
        sample: The folder of the sample clips.
    """
    pictures = [
        cv2.resize(frame.rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        for frame in read_frames(sample / "target_ada.mp4", stop=FACE_FRAMES)
    ]
    empty = np.full_like(pictures[0], 90)
    frames = [*pictures, *[empty] * (ALL_FRAMES - FACE_FRAMES)]
    return make_clip(path, frames, options={"crf": "10", "g": "8", "bf": "2"})
