"""Findings come from the table at once, and from the last review of the same faces."""

import os
import shlex
from pathlib import Path

import pytest
from tests.helpers.facesets import FaceSpec, changed, good_faces, write_faceset
from tests.helpers.reviews import measure_faces, run_checks

from faceloom.errors import UsageError
from faceloom.faceset import drop_faces
from faceloom.review import FACESET_CHECKS, Severity
from faceloom.studio.faces.face_grid import FaceGrid, FaceGrids
from faceloom.studio.faces.findings import (
    find_problems,
    quick_findings,
    removal_request,
    review_request,
    reviewed_columns,
)
from faceloom.studio.jobs.job import JobState
from faceloom.studio.jobs.job_queue import JobQueue


def grid_of(folder: Path, faces: list[FaceSpec]) -> FaceGrid:
    write_faceset(folder, faces)
    return FaceGrids().get(folder)


FACES = {
    "blurred": changed(good_faces(), 0.2, sharpness=0.1),
    "small": changed(good_faces(), 0.3, size=50),
    "badly exposed": changed(good_faces(), 0.2, exposure=0.05),
    "near-duplicates": changed(
        good_faces(), 0.3, hash="0" * 16, yaw=0.0, pitch=0.0, mouth_open=0.1, eyes_open=0.25
    ),
    "other people": changed(good_faces(), 0.05, person=1),
    "one file": changed(good_faces(), 1.0, file=0),
    "few faces": good_faces(30),
    "small yaw range": changed(good_faces(), 1.0, yaw=3.0),
}


@pytest.mark.parametrize("name", FACES)
def test_quick_findings_are_those_of_the_review(tmp_path: Path, name: str) -> None:
    expected = run_checks(FACESET_CHECKS, measure_faces(tmp_path, FACES[name]))[name]
    found = {each.name: each for each in quick_findings(FaceGrids().get(tmp_path / "ada"))}[name]
    assert (found.text, found.severity) == (expected.text, expected.severity)
    assert found.command == expected.command


def test_good_faces_have_no_quick_finding(tmp_path: Path) -> None:
    assert quick_findings(grid_of(tmp_path / "ada", good_faces())) == []


def test_a_removal_that_leaves_too_few_faces_is_not_offered(tmp_path: Path) -> None:
    grid = grid_of(tmp_path / "ada", changed(good_faces(90), 0.3, sharpness=0.1))
    (found,) = [each for each in quick_findings(grid) if each.name == "blurred"]
    assert (found.command, "too few would remain" in found.action) == ("", True)
    # Other people spoil the identity, however few faces remain.
    grid = grid_of(tmp_path / "ben", changed(good_faces(90), 0.3, person=1))
    (found,) = [each for each in quick_findings(grid) if each.name == "other people"]
    assert (found.severity, "--keep-identity" in found.command) == (Severity.CRITICAL, True)


def finish(jobs: JobQueue, number: int, faces: int) -> None:
    result = {
        "people": [{"faces": faces, "name": "ada"}],
        "findings": [
            {
                "name": "closed mouth",
                "severity": "warning",
                "text": "ada hardly ever opens the mouth.",
                "action": "Add footage.",
                "command": "",
                "affected": 0.5,
                "measurements": {},
            }
        ],
    }
    change = {"state": JobState.DONE, "result": result}
    jobs.update(number, lambda job: job.model_copy(update=change))


def test_the_last_review_of_the_same_faces_is_shown(tmp_path: Path) -> None:
    folder, report = tmp_path / "ada", tmp_path / "report.html"
    grid, jobs = grid_of(folder, good_faces()), JobQueue(tmp_path / "jobs")
    assert not find_problems(grid, jobs, report).is_thorough

    job = jobs.add(review_request(folder, report))
    found = find_problems(grid, jobs, report)
    assert (found.pending, found.findings) == (job, ())

    finish(jobs, job.number, len(grid))
    found = find_problems(grid, jobs, report)
    assert (found.is_thorough, found.is_outdated, found.pending) == (True, False, None)
    assert [each.name for each in found.findings] == ["closed mouth"]

    drop_faces(folder, [f"crops/{grid.names()[0]}.jpg"], "rejected")
    found = find_problems(FaceGrids().get(folder), jobs, report)
    assert (found.is_thorough, found.is_outdated, found.findings) == (False, True, ())


def test_a_review_adds_what_hides_each_face(tmp_path: Path) -> None:
    folder, report = tmp_path / "ada", tmp_path / "report.html"
    grid, jobs = grid_of(folder, good_faces(6)), JobQueue(tmp_path / "jobs")
    names = grid.names()
    job = jobs.add(review_request(folder, report))
    hidden = {
        # Every second face, as in a large face set.
        "images": [f"crops/{name}.jpg" for name in names[::2]],
        "occluded": [0.1, 0.2, 0.3],
        "fringe": [0.0, 0.5, 0.0],
        "glasses": [0.0, 0.0, 0.04],
    }
    result = {"people": [{"faces": 6, "hidden": hidden}], "findings": []}
    change = {"state": JobState.DONE, "result": result}
    jobs.update(job.number, lambda each: each.model_copy(update=change))
    assert reviewed_columns(grid, jobs, report) == {}

    report.write_text("newer than the faces")
    expected = {
        "occluded": [0.1, 0.1, 0.2, 0.2, 0.3, 0.3],
        "fringe": [0.0, 0.0, 0.5, 0.5, 0.0, 0.0],
        "glasses": [0.0, 0.0, 0.0, 0.0, 0.04, 0.04],
    }
    assert reviewed_columns(grid, jobs, report) == expected
    drop_faces(folder, [f"crops/{names[1]}.jpg"], "rejected")
    columns = reviewed_columns(FaceGrids().get(folder), jobs, report)
    assert columns["occluded"] == [0.1, 0.2, 0.2, 0.3, 0.3]

    os.utime(report, (0, 0))
    assert reviewed_columns(grid, jobs, report) == {}


def test_a_result_that_is_no_review_is_ignored(tmp_path: Path) -> None:
    folder, report = tmp_path / "ada", tmp_path / "report.html"
    grid, jobs = grid_of(folder, good_faces()), JobQueue(tmp_path / "jobs")
    job = jobs.add(review_request(folder, report))
    change = {"state": JobState.DONE, "result": {"people": []}}
    jobs.update(job.number, lambda each: each.model_copy(update=change))
    assert not find_problems(grid, jobs, report).is_thorough


def test_the_command_of_a_finding_becomes_a_job(tmp_path: Path) -> None:
    folder = tmp_path / "with space" / "ada"
    grid = grid_of(folder, FACES["other people"])
    (found,) = quick_findings(grid)
    request = removal_request(folder, found.command)
    assert request.arguments == ("curate", str(folder), "--keep-identity", "--apply")
    assert request.artifact == str(folder)


@pytest.mark.parametrize(
    "words",
    [["faceloom", "extract"], ["rm", "-r"], ["faceloom", "curate", "/another"], ["faceloom"], []],
)
def test_other_commands_are_refused(tmp_path: Path, words: list[str]) -> None:
    with pytest.raises(UsageError, match="does not run this command"):
        removal_request(tmp_path, shlex.join(words))
