"""Which frames a single frame depends on."""

import pytest

from faceloom.swap.preview.frame_lead_in import FRAME_LEAD_IN, MAX_FRAME_LEAD_IN, first_frame


@pytest.mark.parametrize(
    ("index", "first"), [(0, 0), (11, 0), (12, 0), (16, 0), (17, 5), (21, 5), (22, 10), (112, 100)]
)
def test_successive_frames_share_their_first_frame(index: int, first: int) -> None:
    assert first_frame(index) == first
    assert min(index, FRAME_LEAD_IN) <= index - first <= MAX_FRAME_LEAD_IN
