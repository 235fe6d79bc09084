"""Properties that FFmpeg states and that are not believed as they are."""

from fractions import Fraction

import pytest

from faceloom.video.probe import plausible_rate


@pytest.mark.parametrize(
    ("stated", "rate"),
    [
        (None, 25),
        (Fraction(0), 25),
        (Fraction(24000, 1001), Fraction(24000, 1001)),
        # High-speed footage.
        (Fraction(1000), 1000),
        # The clock of a Matroska file instead of a frame rate.
        (Fraction(12800), 25),
    ],
)
def test_a_rate_higher_than_any_cameras_is_not_believed(
    stated: Fraction | None, rate: Fraction
) -> None:
    assert plausible_rate(stated) == rate
