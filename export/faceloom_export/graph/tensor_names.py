"""Names, types and shapes of the input and the outputs of a bundle's graph."""

from faceloom.swap.bundle.manifest import TensorRow

# Input: aligned face crops, uint8 RGB.
FACE = "face"
# Output: the same crops with the source identity's face, uint8 RGB.
SWAPPED = "swapped"
# Output: the learned mask, uint8, 255 where the face is.
MASK = "mask"


def tensor_rows(size: int) -> tuple[TensorRow, TensorRow, TensorRow]:
    """Return the manifest's rows of FACE, SWAPPED and MASK.

    Args:
        size: Side of the crops in pixels.
    """
    return (
        TensorRow(name=FACE, dtype="uint8", shape=("batch", size, size, 3)),
        TensorRow(name=SWAPPED, dtype="uint8", shape=("batch", size, size, 3)),
        TensorRow(name=MASK, dtype="uint8", shape=("batch", size, size, 1)),
    )
