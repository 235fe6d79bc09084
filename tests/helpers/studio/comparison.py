"""The judge's comparison of a short swap, for the studio's tests."""

from pathlib import Path

from faceloom.compare import Comparison, Version
from faceloom.compare.comparison_file import ComparisonFile
from faceloom.compare.eye_moments import EyeMoments
from faceloom.compare.metrics import MetricSummary
from faceloom.compare.score import Score, ScoreComponent


def write_comparison(path: Path) -> None:
    """Write a comparison of five of six frames, the third of which is the worst.

    Args:
        path: The file to write.
    """
    metric = MetricSummary("identity", 0.7, 0.1, (2,))
    score = Score(57.6, (ScoreComponent("identity", 0.7), ScoreComponent("expression", 0.8)))
    versions = (Version("target", (), None), Version("swap", (metric,), score))
    file = ComparisonFile(
        faceloom_version="0",
        comparison=Comparison(6, 5, (), versions, EyeMoments(2, (3,), (), 25.0)),
        frames=(0, 1, 2, 3, 4),
        series={"identity": (0.9, 0.8, None, 0.7, 0.9)},
    )
    path.write_text(file.model_dump_json(by_alias=True))
