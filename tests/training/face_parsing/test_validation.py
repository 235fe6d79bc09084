"""Intersection over union by region."""

import numpy as np
import pytest

from faceloom.faces.parsing.regions import Region
from faceloom_train.face_parsing.validation import region_iou


def test_iou_counts_pixels_of_all_pictures() -> None:
    truth = np.zeros((2, 4, 4), np.uint8)
    truth[0, :2] = Region.SKIN
    predicted = np.zeros((2, 4, 4), np.uint8)
    predicted[0, 0] = Region.SKIN
    predicted[1, 0, 0] = Region.HAIR
    iou = region_iou(truth, predicted)
    assert iou[Region.SKIN] == pytest.approx(4 / 8)
    assert iou[Region.HAIR] == 0
    assert iou[Region.BACKGROUND] == pytest.approx(23 / 28)
    # Neither has any.
    assert iou[Region.GLASSES] == 1
