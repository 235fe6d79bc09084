"""The regions of a face picture that the face parsing network tells apart."""

from enum import IntEnum

# Side of the network's input and output in pixels.
PARSING_SIDE = 128
# Names of the graph's input (uint8 crops) and output (uint8 probabilities, 255 for certain).
CROPS = "crops"
REGIONS = "regions"


class Region(IntEnum):
    """What a pixel shows; the value is the network's output channel."""

    BACKGROUND = 0
    """Everything that none of the others names."""
    SKIN = 1
    """Skin of face, ears, neck and scalp; beards and stubble are skin."""
    BROWS = 2
    """Eyebrows."""
    EYES = 3
    """The visible part of the eyeballs."""
    LIPS = 4
    """Upper and lower lip."""
    MOUTH = 5
    """The inside of an open mouth: teeth, tongue, cavity."""
    HAIR = 6
    """Hair of the head, also where it hangs before the face."""
    GLASSES = 7
    """Frames and dark lenses; what clear lenses show is its own region."""
    OCCLUDER = 8
    """A hand, a microphone or another thing before the face."""
    CLOTH = 9
    """Clothes."""
