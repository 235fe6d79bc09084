"""Pictures that say who is meant."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from faceloom.errors import UsageError
from faceloom.faces.face_finder import FaceFinder
from faceloom.faces.face_recognition import MobileFaceNet
from faceloom.image_io import read_picture


def embed_references(pictures: Sequence[Path]) -> Float32[np.ndarray, "n 192"] | None:
    """Return the identity of the largest face of each picture, None for no picture.

    Raises UsageError if a picture does not exist or shows no face, MediaUnreadable if it is none.
    """
    if not pictures:
        return None
    found = []
    finder, identify = FaceFinder(), MobileFaceNet()
    for path in pictures:
        picture = read_picture(path)
        (faces,) = finder.for_new_video().find([picture])
        if not faces:
            raise UsageError(
                f"{path} shows no face; give a picture of the person with the face in view."
            )
        found.append(identify.embed([picture], [faces[0].points_xy])[0])
    return np.stack(found)
