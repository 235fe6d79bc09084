"""Check an HDF5 file of weights from an untrusted source before its arrays are read."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from faceloom.errors import ArtifactRefused

# Deepest nesting of groups; Keras needs eight levels.
_MAX_DEPTH = 32
# Exceptions that h5py raises for a damaged file.
HDF5_ERRORS = (
    OSError,
    RuntimeError,
    KeyError,
    ValueError,
    TypeError,
    RecursionError,
    OverflowError,
    MemoryError,
)


def check_weights_file(path: Path) -> None:
    """Check that all arrays are stored inside the file and are not larger than it.

    Args:
        path: The file.

    Raises:
        ArtifactRefused: The file is damaged, refers to other files, or declares more bytes than it
            has.
    """
    try:
        with h5py.File(path, "r") as file:
            find_datasets(file, path, path.stat().st_size)
    except HDF5_ERRORS as error:
        raise ArtifactRefused(f"{path} cannot be read as HDF5 ({str(error)[:200]}).") from error


def find_datasets(file: h5py.File, path: Path, size: int) -> dict[str, h5py.Dataset]:
    """Return the datasets of a file by their paths inside it, without reading their content.

    Args:
        file: The open file.
        path: Where it is, for messages.
        size: Its size in bytes.

    Raises:
        ArtifactRefused: As `check_weights_file`; h5py's own exceptions (`HDF5_ERRORS`) for damage
            are passed on.
    """
    found = dict(_datasets(file, path, "", 0))
    declared = sum(dataset.size * dataset.dtype.itemsize for dataset in found.values())
    if declared > size:
        raise ArtifactRefused(
            f"{path} has {size} bytes but declares {declared} bytes of weights; get the file again."
        )
    return found


def _datasets(
    group: h5py.Group, path: Path, prefix: str, depth: int
) -> Iterator[tuple[str, h5py.Dataset]]:
    if depth > _MAX_DEPTH:
        raise ArtifactRefused(
            f"{path} has groups nested more than {_MAX_DEPTH} levels deep; get the file again."
        )
    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise ArtifactRefused(
                f"{path} contains a link to other data ({prefix}{name}); save it as one file."
            )
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _datasets(item, path, f"{prefix}{name}/", depth + 1)
        elif isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ArtifactRefused(
                    f"{path} stores weights in another file ({prefix}{name}); save it as one file."
                )
            yield f"{prefix}{name}", item


def read_float32(dataset: h5py.Dataset) -> np.ndarray:
    """Read a dataset as float32.

    Args:
        dataset: The dataset, of any numeric type and shape.
    """
    return np.asarray(dataset[()], np.float32)
