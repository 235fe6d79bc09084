"""Which faces a conversion parses."""

from collections.abc import Sequence

from faceloom.swap.compositing.color_transfer import SKIN_METHODS
from faceloom.swap.options import BlendSettings, SwapOptions
from faceloom.swap.sources.face_source import FaceSource


def parses_faces(sources: Sequence[FaceSource], options: SwapOptions) -> bool:
    """Tell whether a conversion parses the target's faces: for the mask or for a source's input.

    Args:
        sources: the sources.
        options: how faces are swapped.
    """
    return options.mask == "regions" or any(source.face_mask == "regions" for source in sources)


def parses_predictions(source: FaceSource, options: SwapOptions) -> bool:
    """Tell whether a conversion parses the faces that a source predicts.

    Some methods match the color of the skin alone. The mask of a network that learned the visible
    face leaves out hair and keeps glasses; that of any other does not.

    Args:
        source: the source.
        options: how faces are swapped.
    """
    return options.mask == "regions" and (
        BlendSettings.from_options(source.blend, options).color in SKIN_METHODS
        or source.face_mask == "mesh"
        or options.glasses == "target"
    )
