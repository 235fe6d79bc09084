"""Batches of items; `itertools.batched` exists from Python 3.12 on."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def batched(items: Iterable[Item], count: int) -> Iterator[list[Item]]:
    """Group items in order.

    Args:
        items: The items.
        count: Items of a batch, at least 1.

    Yields:
        Lists of `count` items; the last one may be shorter.
    """
    iterator = iter(items)
    while batch := list(islice(iterator, count)):
        yield batch
