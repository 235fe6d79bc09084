"""Reference pictures of people."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from faceloom.errors import UsageError
from faceloom.faces.face_finder import FaceFinder
from faceloom.faces.face_recognition import MobileFaceNet
from faceloom.image_io import read_picture


def embed_references(pictures: Sequence[Path]) -> Float32[np.ndarray, "n 192"] | None:
    """Compute the embedding of the largest face of each picture.

    Args:
        pictures: The picture files.

    Returns:
        Unit vectors; None if there is no picture.

    Raises:
        UsageError: A picture does not exist or shows no face.
        MediaUnreadable: A picture cannot be read.
    """
    if not pictures:
        return None
    embeddings = []
    finder, recognizer = FaceFinder(), MobileFaceNet()
    for path in pictures:
        picture = read_picture(path)
        (faces,) = finder.for_new_video().find([picture])
        if not faces:
            raise UsageError(
                f"{path} shows no face; give a picture of the person with the face in view."
            )
        embeddings.append(recognizer.embed([picture], [faces[0].points_xy])[0])
    return np.stack(embeddings)
