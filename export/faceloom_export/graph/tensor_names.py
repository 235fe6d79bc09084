"""The names and types that a bundle's graph has for its input and outputs."""

from faceloom.swap.bundle.manifest import TensorRow

FACE, SWAPPED, MASK = "face", "swapped", "mask"


def tensor_rows(size: int) -> tuple[TensorRow, TensorRow, TensorRow]:
    """Return the manifest's rows of the graph's face, swapped and mask."""
    return (
        TensorRow(name=FACE, dtype="uint8", shape=("batch", size, size, 3)),
        TensorRow(name=SWAPPED, dtype="uint8", shape=("batch", size, size, 3)),
        TensorRow(name=MASK, dtype="uint8", shape=("batch", size, size, 1)),
    )
