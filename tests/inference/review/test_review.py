"""The review judges every swap, sorts its findings, and writes a self-contained report."""

import html
import json
import re
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.reviews import target_of, turned, with_constants

from faceloom.cli.app import main
from faceloom.review import (
    FACESET_CHECKS,
    FaceSetStatistics,
    Severity,
    list_directions,
    sort_by_severity,
)
from faceloom.review.finding import format_counts, group_by_subject
from faceloom.review.review import summarize
from faceloom.review.verdict import Readiness

REPORT = Path("report.html")


@pytest.fixture
def faulty(ada: FaceSetStatistics) -> FaceSetStatistics:
    """A face set of blurred faces of other people."""
    dissimilar = replace(ada, similarity=np.full(len(ada), 0.1, np.float32))
    return with_constants(dissimilar, sharpness=0.1)


def test_good_footage_is_ready(ada: FaceSetStatistics, ben: FaceSetStatistics) -> None:
    summary = summarize(REPORT, (ada, ben), target_of(ada))
    assert [(v.source, v.readiness) for v in summary.verdicts] == [("ben", Readiness.READY)]
    assert summary.findings == ()


def test_the_person_in_the_target_is_not_swapped_to_themselves(
    ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    target = target_of(ada)
    assert [d.source.name for d in list_directions((ben, ada), target)] == ["ben"]
    assert [d.source.name for d in list_directions((ada,), target)] == ["ada"]
    assert [d.text for d in list_directions((ada, ben), None)] == [
        "ada's face on ben",
        "ben's face on ada",
    ]


def test_every_person_in_the_target_is_judged(
    ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    assert [d.text for d in list_directions((ada, ben), target_of(ada, ben))] == [
        "ben's face on ada in clip.mp4",
        "ada's face on ben in clip.mp4",
    ]
    aside = turned(ben, 60)
    summary = summarize(REPORT, (ada, aside), target_of(ada, aside))
    gap = next(finding for finding in summary.findings if finding.name == "pose gap right")
    assert gap.text.startswith("ben in clip.mp4 turns to 76 degrees right")
    assert "of the frames that show them; ada has no face there" in gap.text


def test_the_worst_finding_comes_first(ben: FaceSetStatistics, faulty: FaceSetStatistics) -> None:
    findings = [finding for check in FACESET_CHECKS if (finding := check(faulty))]
    assert [f.name for f in sort_by_severity(findings)] == ["other people", "blurred"]
    summary = summarize(REPORT, (ben, faulty), target_of(ben))
    assert summary.verdicts[0].readiness == Readiness.NOT_READY
    assert "--keep-identity" in summary.verdicts[0].command
    severities = [list(Severity).index(finding.severity) for finding in summary.findings]
    assert severities == sorted(severities)


def test_findings_are_grouped_by_subject(
    ada: FaceSetStatistics, ben: FaceSetStatistics, faulty: FaceSetStatistics
) -> None:
    people = (with_constants(ben, mouth_open=0.05), faulty)
    summary = summarize(REPORT, people, target_of(ada, ben))
    assert [
        (subject, format_counts(group), [finding.name for finding in group])
        for subject, group in group_by_subject(summary.findings).items()
    ] == [
        ("ada", "1 critical, 1 warning", ["other people", "blurred"]),
        ("ben", "1 warning", ["closed mouth"]),
        ("ben's face on ada in clip.mp4", "1 warning", ["mouth gap"]),
        ("clip.mp4", "1 note", ["several people"]),
    ]
    warnings = [f for f in summary.findings if f.severity is Severity.WARNING]
    assert format_counts(warnings) == "3 warnings"
    lines = summary.to_text().splitlines()
    first = lines.index("ada: 1 critical, 1 warning")
    assert first < lines.index("ben's face on ada in clip.mp4: 1 warning")


@pytest.fixture(scope="module")
def report_and_result(
    folder: Path, ada: FaceSetStatistics, ben: FaceSetStatistics, sample: Path
) -> tuple[str, dict[str, Any]]:
    """The report and the JSON output of the command for both sets and a clip of the sample."""
    report = folder / "review.html"
    arguments = [f"{folder}/ada", f"{folder}/ben", "--target", f"{sample}/target_ada.mp4"]
    options = ["--every", "25", "--report", str(report), "--json"]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as end:
        out = StringIO()
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "argv", ["faceloom", "review", *arguments, *options])
        main()
    assert not end.value.code
    return report.read_text(), json.loads(out.getvalue())


@pytest.mark.long
def test_the_report_is_self_contained(report_and_result: tuple[str, dict[str, Any]]) -> None:
    report, _ = report_and_result
    assert not re.findall(r"https?:|<script|<link|@import|url\(", report)
    sources = re.findall(r'src="([^"]*)"', report)
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert report.count("<img") == 2 * 3 * 12 + 3
    for title in ("Ready to train?", "Findings", "Head poses", "Lighting and color", "Files"):
        assert f"<h2>{title}</h2>" in report
    assert "nan" not in re.sub(r'src="[^"]*"', "", report)


def test_the_result_holds_all_numbers_and_findings(
    report_and_result: tuple[str, dict[str, Any]],
) -> None:
    _, result = report_and_result
    assert [person["name"] for person in result["people"]] == ["ada", "ben"]
    assert result["people"][0]["faces"] == 120
    (person,) = result["target"].pop("people")
    assert result["target"] == {
        "name": "target_ada.mp4",
        "frames": 3,
        "frames_with_several_faces": 0,
        "frames_without_face": 0,
        "occlusion": {"frames": 0, "spans": []},
    }
    assert (person["name"], person["faces"], person["matches"]) == ("target_ada.mp4", 3, "")
    hidden = result["people"][0]["hidden"]
    assert hidden.keys() == {"images", "occluded", "fringe", "glasses"}
    assert {len(values) for values in hidden.values()} == {120}
    yaw = result["people"][0]["percentiles"]["yaw"]
    assert yaw["p5"] < 0 < yaw["p95"]
    assert [verdict["source"] for verdict in result["verdicts"]] == ["ada", "ben"]


def test_the_report_shows_all_findings(report_and_result: tuple[str, dict[str, Any]]) -> None:
    report, result = report_and_result
    text = html.unescape(report)
    headings = re.findall(r'<h3 class="group">(.*?) <small>', text)
    assert headings == list(dict.fromkeys(finding["subject"] for finding in result["findings"]))
    for finding in result["findings"]:
        assert finding["text"] in text
        assert finding["command"] in text
    for label in ("closed", "wide open", "blurred", "sharp"):
        assert f">{label}</text>" in report


def test_names_are_escaped_in_the_report(
    folder: Path, ada: FaceSetStatistics, tmp_path: Path, faceloom, sample: Path
) -> None:
    target = tmp_path / "<script>&.mp4"
    target.symlink_to(sample / "target_ada.mp4")
    arguments = ("--target", target, "--every", 50, "--report", tmp_path / "report.html")
    assert faceloom("review", folder / "ada", *arguments)[0] == 0
    report = (tmp_path / "report.html").read_text()
    assert "&lt;script&gt;&amp;.mp4" in report
    assert "<script" not in report


REFUSALS = {
    "no face set": ("ada nothing --report OUT.html", 3, "face set"),
    "an existing report": ("ada --report existing.html", 2, "--force"),
    "the same name twice": ("ada ada --report OUT.html", 2, "have the same name"),
    "no target": ("ada --target missing.mp4 --report OUT.html", 2, "missing.mp4 does not exist"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_the_command_refuses_invalid_arguments(
    name: str,
    folder: Path,
    ada: FaceSetStatistics,
    tmp_path: Path,
    faceloom,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments, expected_code, words = REFUSALS[name]
    monkeypatch.chdir(folder)
    (folder / "existing.html").write_text("mine")
    code, out, err = faceloom("review", *arguments.replace("OUT", str(tmp_path / "out")).split())
    assert (code, out, words in err) == (expected_code, "", True), err
    assert list(tmp_path.iterdir()) == []
    assert (folder / "existing.html").read_text() == "mine"


def test_one_set_alone_has_no_verdict(
    folder: Path, ada: FaceSetStatistics, tmp_path: Path, faceloom
) -> None:
    report = tmp_path / "report.html"
    code, out, _ = faceloom("review", folder / "ada", "--report", report)
    assert (code, f"The report is {report}." in out) == (0, True)
    assert "to get a verdict on a pair" in report.read_text()
