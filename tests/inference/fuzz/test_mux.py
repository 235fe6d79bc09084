"""Random videos of every container: equal in all that was promised, or refused before the work."""

import os
from pathlib import Path

import pytest
from tests.helpers.mux.cases import make_case
from tests.helpers.mux.check import convert_case

# Cases in the tests; `python -m benchmarks.robustness.mux_fuzz` runs thousands.
CASES = int(os.environ.get("FACELOOM_FUZZ_CASES", "50")) * 3 // 5
# Draws until FFmpeg takes a combination.
DRAWS = 200


@pytest.mark.fuzz
def test_random_videos_are_kept_or_refused_before_the_work(tmp_path: Path) -> None:
    outcomes = set()
    for index in range(CASES):
        folder = tmp_path / str(index)
        folder.mkdir()
        drawn = (make_case(folder, f"tests-{index}-{draw}") for draw in range(DRAWS))
        case, source = next(made for made in drawn if made is not None)
        result = convert_case(case, source)
        assert result.outcome != "failure", f"{case}: {result.detail}"
        outcomes.add(result.outcome)
    assert "equal" in outcomes
    assert len(outcomes) > 1
