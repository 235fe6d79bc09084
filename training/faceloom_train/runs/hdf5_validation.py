"""What a file of weights (HDF5) may hold: arrays that lie in it, none larger than it."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from faceloom.errors import ArtifactRefused

# Groups in groups; Keras needs eight.
_DEEPEST = 32
# What h5py raises for damage.
DAMAGED = (
    OSError,
    RuntimeError,
    KeyError,
    ValueError,
    TypeError,
    RecursionError,
    OverflowError,
    MemoryError,
)


def refuse_foreign_weights(path: Path) -> None:
    """Raise ArtifactRefused for weights that lie, or lead, outside of the file, or claim more bytes than it has."""
    try:
        with h5py.File(path, "r") as file:
            arrays_of(file, path, path.stat().st_size)
    except DAMAGED as error:
        raise ArtifactRefused(f"{path} cannot be read as HDF5 ({str(error)[:200]}).") from error


def arrays_of(file: h5py.File, path: Path, size: int) -> dict[str, h5py.Dataset]:
    """Return a file's arrays by their places in it, none of them read yet.

    size: bytes of the file. Raises ArtifactRefused as `refuse_foreign_weights`; what HDF5 raises for damage is
    passed on.
    """
    found = dict(_arrays(file, path, "", 0))
    claimed = sum(array.size * array.dtype.itemsize for array in found.values())
    if claimed > size:
        raise ArtifactRefused(
            f"{path} has {size} bytes and claims weights of {claimed}; take the file anew."
        )
    return found


def _arrays(
    group: h5py.Group, path: Path, place: str, depth: int
) -> Iterator[tuple[str, h5py.Dataset]]:
    if depth > _DEEPEST:
        raise ArtifactRefused(f"{path} has groups in groups in groups; take the file anew.")
    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise ArtifactRefused(
                f"{path} draws its weights from elsewhere ({place}{name}); save it as one file."
            )
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _arrays(item, path, f"{place}{name}/", depth + 1)
        elif isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ArtifactRefused(
                    f"{path} draws its weights from another file; save it as one file."
                )
            yield f"{place}{name}", item


def numbers_of(array: h5py.Dataset) -> np.ndarray:
    """Read an array as float32."""
    return np.asarray(array[()], np.float32)
