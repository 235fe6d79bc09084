"""A cache that keeps what was used last, up to a bound."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


def _one(_: object) -> int:
    return 1


class LruCache(Generic[Value]):
    """Values by key; the least recently used ones are dropped. Methods are thread-safe."""

    def __init__(self, limit: int, size_of: Callable[[Value], int] = _one):
        """Make an empty cache.

        Args:
            limit: Largest sum of the values' sizes. The newest value is kept even if it is larger.
            size_of: Size of a value; without it each counts 1.
        """
        self._limit, self._size_of = limit, size_of
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable) -> Value | None:
        """Return a value, which counts as used; None if it is not there.

        Args:
            key: Its key.
        """
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: Hashable, value: Value) -> None:
        """Store a value and drop old ones.

        Args:
            key: Its key; a value that it has is replaced.
            value: The value.
        """
        with self._lock:
            if key in self._values:
                self._size -= self._size_of(self._values.pop(key))
            self._values[key] = value
            self._size += self._size_of(value)
            while self._size > self._limit and len(self._values) > 1:
                _, dropped = self._values.popitem(last=False)
                self._size -= self._size_of(dropped)

    def get_or_make(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return a value; make and store it if it is not there.

        Two threads that ask at once may both make it.

        Args:
            key: Its key.
            make: Makes it.
        """
        value = self.get(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value
