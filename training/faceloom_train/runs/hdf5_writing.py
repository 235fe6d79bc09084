"""Write a model's weights as an HDF5 file; a failed write is one exception."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faceloom_train.keras_compat import write_weights
from faceloom_train.model.swap_model import SwapModel


class _ErrorKeepingFile(io.BytesIO):
    """A file whose failed calls keep their error and succeed.

    After a failed write, h5py prints a traceback for each open object of the file, and HDF5 may
    crash. Keras accepts no other class of files than BytesIO.
    """

    def __init__(self, file: io.BufferedRandom):
        super().__init__()
        self._file = file
        self.error: OSError | None = None
        """The first error; no later call reaches the file."""

    def _call(self, method: Callable[..., int], *arguments: Any, failed: int = 0) -> int:
        """Call a method of the file; return its result, or `failed` after an error."""
        if self.error is None:
            try:
                return method(*arguments)
            except OSError as error:
                self.error = error
        return failed

    def write(self, data: Any) -> int:
        """Write."""
        return self._call(self._file.write, data, failed=len(data))

    def readinto(self, buffer: Any) -> int:
        """Read."""
        return self._call(self._file.readinto, buffer, failed=len(buffer))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position."""
        return self._call(self._file.seek, offset, whence, failed=offset)

    def truncate(self, size: int | None = None) -> int:
        """Change the size."""
        return self._call(self._file.truncate, size, failed=size or 0)


def save_model_weights(model: SwapModel, path: Path) -> None:
    """Write a model's weights and optimizer state.

    Args:
        model: The compiled model.
        path: The HDF5 file to write.

    Raises:
        OSError: It cannot be written.
    """
    with path.open("w+b") as file:
        target = _ErrorKeepingFile(file)
        try:
            write_weights(model, target)
        finally:
            if target.error:
                raise target.error
