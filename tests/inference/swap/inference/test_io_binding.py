"""A session with bound buffers gives the same outputs as an ordinary session."""

from pathlib import Path

import numpy as np
import pytest
from tests.helpers.bundles import SIZE, make_bundle

from faceloom.swap import Bundle, SwapNetwork
from faceloom.swap.inference.io_binding import BATCH_SIZES, BoundSession
from faceloom.swap.inference.providers import open_session


@pytest.mark.parametrize("count", [1, 3, 4, 17, BATCH_SIZES[-1] + 5])
def test_batches_of_any_size_are_swapped(tmp_path: Path, count: int) -> None:
    bundle = Bundle.read(make_bundle(tmp_path / "ben.bundle"))
    (row,) = bundle.manifest.graphs
    bound = BoundSession(open_session(bundle.path / row.file, "cpu"), row, "cpu")
    network = SwapNetwork.open(bundle, "cpu")
    for seed in (0, 1):
        crops = np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)
        faces, masks = bound.run(crops)
        np.testing.assert_array_equal(faces, 255 - crops)
        np.testing.assert_array_equal(masks[..., 0], network.swap(crops).masks)
    assert faces.shape == crops.shape
