"""The sentence of a step, from the JSON that its command printed."""

import json
from dataclasses import asdict

import pytest

from faceloom.compare import Comparison, Score, Version
from faceloom.compare.metrics import MetricSummary
from faceloom.compare.score import ScoreComponent
from faceloom.project.step_sentence import step_sentence


@pytest.mark.parametrize(
    ("score", "sentence"),
    [
        (
            Score(22.7, (ScoreComponent("identity", 0.7), ScoreComponent("expression", 0.2))),
            "score 22.7 of 100, poor: the face moves little; train longer",
        ),
        (None, "no score"),
    ],
)
def test_a_comparison_is_said_in_words(score: Score | None, sentence: str) -> None:
    metrics = (MetricSummary("sharpness", 0.8, None, ()),)
    comparison = Comparison(75, 75, (Version("swap", metrics, score),))
    printed = json.loads(json.dumps(asdict(comparison)))
    assert step_sentence("compare", printed, "").startswith(sentence)
