"""The sentence of a step, from the JSON that its command printed."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest

from faceloom.compare import Comparison, Score, Version
from faceloom.compare.metrics import MetricSummary
from faceloom.compare.score import ScoreComponent
from faceloom.faces.parsing.occlusion import Occlusion
from faceloom.project.step_sentence import occlusion_note, review_verdict, step_sentence


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
    comparison = Comparison(75, 75, (), (Version("swap", metrics, score),))
    printed = json.loads(json.dumps(asdict(comparison)))
    assert step_sentence("compare", printed, "").startswith(sentence)


@pytest.mark.parametrize(
    ("covered", "start"),
    [
        (0.28, "little footage (head poses covered: 28 %); the swap is made all the same"),
        (0.88, "nearly complete footage (head poses covered: 88 %); expect faults"),
        (0.97, "enough footage (head poses covered: 97 %). Film"),
    ],
)
def test_a_review_says_what_to_expect(covered: float, start: str) -> None:
    verdict = {
        "source": "ben",
        "target": "clip.mp4",
        "readiness": "not ready",
        "covered": covered,
        "next_action": "Film ben from the left.",
    }
    sentence = review_verdict({"verdicts": [verdict]})
    assert sentence.startswith(f"ben's face on clip.mp4: {start}")
    assert ("not ready" in sentence, sentence.endswith("Film ben from the left.")) == (False, True)


@pytest.mark.parametrize(
    ("converted", "sentence"),
    [
        (
            {"swapped_frames": 100, "occlusion": asdict(Occlusion(31, ((4.2, 6.0),)))},
            "Something stands before the face in 31 % of the frames with a face: 4.2 to 6.0 s.",
        ),
        ({"swapped_frames": 100, "occlusion": asdict(Occlusion())}, ""),
        ({"swapped_frames": 100, "occlusion": None}, ""),
        ({}, ""),
    ],
)
def test_a_conversion_says_when_something_stands_before_the_face(
    converted: Mapping[str, Any], sentence: str
) -> None:
    assert occlusion_note(json.loads(json.dumps(converted))) == sentence


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{"frames": 26, "swapped_frames": 12}], "12 of 26 frames swapped"),
        ([{"frames": None, "swapped_frames": None}], "converted by an earlier run"),
    ],
)
def test_a_job_file_s_report_is_described(rows: list[dict[str, int]], sentence: str) -> None:
    assert step_sentence("convert", {"jobs": rows}, "other") == sentence
