"""The index finds the same hashes as a comparison of each with all others."""

import numpy as np
import pytest

from faceloom.faceset.hash_index import HashIndex

COUNT = 600


def near_hashes() -> np.ndarray:
    """Hashes of which many differ in a few bits of one of 20."""
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**64, 20, np.uint64)[random.integers(0, 20, COUNT)]
    for _ in range(6):
        hashes ^= np.uint64(1) << random.integers(0, 64, COUNT, np.uint64)
    return hashes


@pytest.mark.parametrize(
    "hashes",
    [
        near_hashes(),
        # All of them share most parts.
        near_hashes() & np.uint64(0xFFF),
        np.random.default_rng(1).integers(0, 2**64, COUNT, np.uint64),
    ],
    ids=["near", "one background", "random"],
)
@pytest.mark.parametrize("differing_bits", [0, 4])
def test_the_same_as_all_pairs(hashes: np.ndarray, differing_bits: int) -> None:
    index = HashIndex(hashes, differing_bits)
    added = np.arange(0, COUNT, 2)
    for position in range(COUNT):
        before = added[added < position]
        distances = np.bitwise_count(hashes[before] ^ hashes[position])
        expected = before[distances <= differing_bits]
        np.testing.assert_array_equal(index.find(position), expected)
        if position % 2 == 0:
            index.add(position)
