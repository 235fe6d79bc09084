"""How much a network's faces are to be sharpened, to be as detailed as the person's own."""

import numpy as np

from faceloom.compare.image_similarity import fine_detail
from faceloom.swap.compositing.sharpening import LEFT_BY_PASTING, inside_of, sharpen
from faceloom.swap.sources.face_source import Swapped

# What the runner's `sharpen` is tried with. Of more the judge thinks less, even where the target is sharp.
_AMOUNTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def needed_sharpening(own: Swapped, drawn: Swapped) -> float:
    """Return the least amount of `sharpen`, 0..0.8, with which drawn faces, put back, are as detailed as own ones.

    own, drawn: crops of the network's size and where the face is in them, of the person and of what the network makes
    of other people. What it cannot place to the pixel it draws softly, and theirs more than the person's own faces,
    which it has learned to redraw. 0 if no face has an inside.
    """
    wanted = _mean_detail(own, 0)
    if wanted is None or _mean_detail(drawn, 0) is None:
        return 0.0
    enough = (
        amount
        for amount in _AMOUNTS
        if LEFT_BY_PASTING * (_mean_detail(drawn, amount) or 0) >= wanted
    )
    return next(enough, _AMOUNTS[-1])


def _mean_detail(faces: Swapped, amount: float) -> float | None:
    """Mean fine detail of faces, once they are sharpened."""
    found = []
    for face, mask in zip(faces.faces, faces.masks, strict=True):
        inside = inside_of(mask)
        if inside.any():
            found.append(fine_detail(sharpen(face, amount), inside))
    return float(np.mean(found)) if found else None
