"""A file that keeps nothing, to try a muxer with."""


class NullFile:
    """Counts positions and forgets bytes, for `av.open`."""

    def __init__(self) -> None:
        """Start empty."""
        self._position = self._size = 0

    def write(self, data: bytes) -> int:
        """Forget bytes.

        Args:
            data: The bytes.

        Returns:
            How many they are.
        """
        self._position += len(data)
        self._size = max(self._size, self._position)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move the position, as files do.

        Args:
            offset: Bytes.
            whence: From the start (0), the position (1) or the end (2).

        Returns:
            The new position.
        """
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position
