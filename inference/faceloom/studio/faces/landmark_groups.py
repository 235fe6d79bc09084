"""The groups of landmarks that the editor moves together."""

from faceloom.faces.landmarks import BROWS, EYE_LEFT, EYE_RIGHT, INNER_LIPS, LIPS

# Ridge, tip, wings and nostrils of the nose, in the mesh's published topology.
NOSE = (
    *(168, 6, 197, 195, 5, 4, 1, 19, 94, 2),
    *(64, 48, 115, 220, 45, 98, 97, 294, 278, 344, 440, 275, 327, 326),
)
# The oval around the face, clockwise from the forehead, in the mesh's published topology.
OUTLINE = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288),
    *(397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136),
    *(172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
LANDMARK_GROUPS = {
    "left-brow": BROWS[:10],
    "right-brow": BROWS[10:],
    "left-eye": EYE_LEFT,
    "right-eye": EYE_RIGHT,
    "nose": NOSE,
    "mouth": (*LIPS, *INNER_LIPS),
    "outline": OUTLINE,
}
"""Indices of the landmarks of each group by its name in the page's template."""
LANDMARK_RINGS = (EYE_LEFT, EYE_RIGHT, LIPS, INNER_LIPS, OUTLINE)
"""Closed contours that the editor draws."""
