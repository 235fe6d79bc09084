"""The target and the bundle of conversions that are interrupted, resumed and shared."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle

from faceloom.array_types import Rgb
from faceloom.video import read_frames


@pytest.fixture(scope="package")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that inverts the face."""
    return make_bundle(tmp_path_factory.mktemp("bundles") / "ben.bundle")


@pytest.fixture(scope="package")
def pictures(sample: Path) -> list[Rgb]:
    """Fifty small pictures, with a cut after 29 and no face in 20 to 24."""
    frames = [*read_frames(sample / "target_ada.mp4", stop=30)]
    frames += read_frames(sample / "target_ben.mp4", stop=20)
    small = [cv2.resize(f.rgb, (192, 192), interpolation=cv2.INTER_AREA) for f in frames]
    small[20:25] = [np.full_like(small[0], 90)] * 5
    return small
