"""Group items."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def batched(items: Iterable[Item], count: int) -> Iterator[list[Item]]:
    """Yield items in order in lists of `count`, the last one shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, count)):
        yield batch
