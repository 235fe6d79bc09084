"""Find 64-bit hashes that differ in few bits, without comparing each with all others."""

from itertools import chain

import numpy as np
from jaxtyping import Bool, Int64, UInt64

_BITS = 64
# Comparing one candidate of a list takes as long as comparing so many of an array.
_LIST_COST = 16


class HashIndex:
    """Some of n hashes, indexed by parts.

    Of k + 1 parts, two hashes that differ in at most k bits share at least one. If many hashes
    share a part, as those of one background do, all are compared.
    """

    def __init__(self, hashes: UInt64[np.ndarray, "n"], differing_bits: int):
        """Make an index that contains none of the hashes.

        Args:
            hashes: The hashes.
            differing_bits: Bits in which a hash that is found differs at most.
        """
        self._hashes = hashes
        self._differing_bits = differing_bits
        self._parts = _parts_of(hashes, differing_bits + 1)
        self._buckets: dict[int, list[int]] = {}
        self._added = np.zeros(len(hashes), np.int64)
        # In one block: gathering the hashes takes most of the time otherwise.
        self._added_hashes = np.zeros(len(hashes), np.uint64)
        self._count = 0

    def add(self, position: int) -> None:
        """Add a hash; positions are added in ascending order.

        Args:
            position: Its position among the hashes.
        """
        self._added[self._count] = position
        self._added_hashes[self._count] = self._hashes[position]
        self._count += 1
        for part in self._parts[position].tolist():
            self._buckets.setdefault(part, []).append(position)

    def find(self, position: int) -> Int64[np.ndarray, "m"]:
        """Find the added hashes that differ from a hash in few bits.

        Args:
            position: The hash's position.

        Returns:
            Their positions, ascending.
        """
        parts, buckets = self._parts[position].tolist(), self._buckets
        lists = [buckets[part] for part in parts if part in buckets]
        if _LIST_COST * sum(map(len, lists)) > self._count:
            hashes = self._added_hashes[: self._count]
            found: np.ndarray = self._added[: self._count][self._is_near(hashes, position)]
            return found
        candidates = np.array([*chain.from_iterable(lists)], np.int64)
        near: np.ndarray = candidates[self._is_near(self._hashes[candidates], position)]
        return np.unique(near) if len(near) > 1 else near

    def _is_near(self, hashes: UInt64[np.ndarray, "m"], position: int) -> Bool[np.ndarray, "m"]:
        differing_bits = np.bitwise_count(hashes ^ self._hashes[position])
        return np.asarray(differing_bits <= self._differing_bits)


def _parts_of(hashes: UInt64[np.ndarray, "n"], count: int) -> Int64[np.ndarray, "n count"]:
    """Return a number for each of `count` parts of each hash, different for different parts.

    A part takes every `count`-th bit: neighboring bits are of neighboring pixels and often equal.
    """
    parts = np.zeros((len(hashes), count), np.int64)
    for bit in range(_BITS):
        part = parts[:, bit % count]
        part *= 2
        part += (hashes >> np.uint64(bit) & np.uint64(1)).astype(np.int64)
    return parts * count + np.arange(count)
