"""Quantiles equal those of NumPy."""

import numpy as np
import pytest

from faceloom.swap.compositing.quantiles import quantiles


@pytest.mark.parametrize("count", [1, 2, 3, 20, 8191])
@pytest.mark.parametrize("shares", [(0.05, 0.95), (0.8,), (0, 0.5, 1)])
def test_quantiles_equal_those_of_numpy(count: int, shares: tuple[float, ...]) -> None:
    values = np.float32(np.random.default_rng(count).normal(50, 20, count))
    np.testing.assert_array_equal(quantiles(values, shares), np.quantile(values, shares))
