"""The file of `compare --out` gives back what was compared, or says why it does not."""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.clips import make_clip

from faceloom.compare import (
    SWAP,
    ClipVersions,
    DetailedComparison,
    compare,
    read_comparison,
    write_comparison,
)
from faceloom.errors import ArtifactRefused
from faceloom.progress import run_to_completion
from faceloom.video import read_frames


@pytest.fixture(scope="module")
def detailed(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> DetailedComparison:
    """The comparison of three frames with those of the truth."""
    folder = tmp_path_factory.mktemp("clips")
    paths = []
    for name in ("target_ada", "truth_ben"):
        frames = [frame.rgb for frame in islice(read_frames(sample / f"{name}.mp4"), 3)]
        paths.append(make_clip(folder / f"{name}.mp4", frames))
    return run_to_completion(compare(ClipVersions(*paths)))


def test_the_file_holds_the_result_and_the_swap_s_values(
    detailed: DetailedComparison, tmp_path: Path
) -> None:
    path = tmp_path / "swap.json"
    write_comparison(detailed, path)
    file = read_comparison(path)
    assert file.comparison == detailed.comparison
    assert file.frames == detailed.frames == (0, 1, 2)
    assert file.series.keys() == detailed.series[SWAP].keys()
    for name, values in detailed.series[SWAP].items():
        read = np.array([np.nan if value is None else value for value in file.series[name]])
        np.testing.assert_allclose(read, values, rtol=1e-3)


def _unknown_metric(data: dict[str, Any]) -> None:
    data["series"]["beauty"] = [1, 2, 3]


def _short_series(data: dict[str, Any]) -> None:
    data["series"]["sharpness"] = [1.0]


def _text_for_frames(data: dict[str, Any]) -> None:
    data["comparison"]["eyes"]["wrongly_open"] = "abc"


def _other_schema(data: dict[str, Any]) -> None:
    data["schema"] = 2


def _unknown_summary(data: dict[str, Any]) -> None:
    data["comparison"]["versions"][1]["metrics"][0]["name"] = "beauty"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_unknown_metric, "unknown metric 'beauty'"),
        (_unknown_summary, "unknown metric 'beauty'"),
        (_short_series, "one value per frame"),
        (_text_for_frames, "wrongly_open"),
        (_other_schema, "schema 2"),
    ],
)
def test_a_damaged_file_is_refused(
    detailed: DetailedComparison,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None],
    words: str,
) -> None:
    path = tmp_path / "swap.json"
    write_comparison(detailed, path)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(ArtifactRefused, match=words):
        read_comparison(path)
