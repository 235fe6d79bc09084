"""Points of a face in a compact form, for the rows of large face sets."""

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, SupportsIndex, TypeAlias, overload

import numpy as np

# A point in pixels: x, y.
PointXY: TypeAlias = tuple[float, float]


class PackedPoints(Sequence[PointXY]):
    """A sequence of points in 16 bytes each; as tuples of numbers, each takes 112."""

    __slots__ = ("_numbers",)

    def __init__(self, points_xy: Sequence[PointXY]):
        """Pack points.

        Args:
            points_xy: The points in pixels.
        """
        self._numbers = array("d", [number for point in points_xy for number in point])

    def __len__(self) -> int:
        return len(self._numbers) // 2

    @overload
    def __getitem__(self, index: SupportsIndex) -> PointXY: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[PointXY, ...]: ...
    def __getitem__(self, index: Any) -> Any:
        return tuple(self)[index]

    def __iter__(self) -> Iterator[PointXY]:
        return iter(zip(self._numbers[::2], self._numbers[1::2], strict=True))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the points as an array [n, 2], which NumPy calls for.

        Args:
            dtype: Its data type; None is float64.
            copy: Ignored: the array is always a copy.
        """
        return np.array(self._numbers, dtype or np.float64).reshape(-1, 2)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackedPoints) and self._numbers == other._numbers

    def __hash__(self) -> int:
        return hash(self._numbers.tobytes())

    def __repr__(self) -> str:
        return f"PackedPoints({list(self)!r})"
