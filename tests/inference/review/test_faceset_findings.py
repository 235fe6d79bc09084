"""Each problem of a face set makes its own finding, and good face sets make none."""

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.facesets import FaceSpec, changed, good_faces, write_faceset
from tests.helpers.reviews import measure_faces, measure_painted, run_checks

from faceloom.array_types import float32
from faceloom.faces import unit_vectors
from faceloom.faceset import FaceSet
from faceloom.faceset.similarity import SAME_PERSON_CENTERS
from faceloom.review import FACESET_CHECKS, FaceSetStatistics
from faceloom.review.faceset_findings import PAIR_CHECKS

GOOD = good_faces()
DUPLICATE = {"hash": "0" * 16, "yaw": 0.0, "pitch": 0.0, "mouth_open": 0.3, "eyes_open": 0.25}

# Per finding: faces with that problem, and a part of its text.
PROBLEMS: dict[str, tuple[list[FaceSpec], str]] = {
    "few faces": (GOOD[::2], "ada has only 60 different faces"),
    "one file": (
        [replace(f, file=3 if f.number % 12 else 1) for f in GOOD],
        "92 % of ada's faces come from one of 2 files (ada3.mp4)",
    ),
    "few files": (
        [replace(f, file=f.number % 2 if f.number % 12 else f.number % 5) for f in GOOD],
        "% of ada's faces come from 2 of 5 files",
    ),
    "other people": (
        changed(GOOD, 17 / 120, person=1),
        "17 of ada's 120 faces look like another person",
    ),
    "flat background": (
        changed(GOOD, 0.31, background_uniform=0.8, background_rgb=(40, 70, 200)),
        "31 % of ada's crops have one flat blue background",
    ),
    "one-sided lighting": (
        [replace(f, light=-0.3) for f in GOOD],
        "ada is lit from the left only",
    ),
    "near-duplicates": (
        changed(GOOD, 0.3, **DUPLICATE),
        "35 of ada's 120 faces are near-duplicates",
    ),
    "blurred": (changed(GOOD, 0.2, sharpness=0.1), "20 % of ada's faces are blurred"),
    "small": (changed(GOOD, 0.4, size=50), "40 % of ada's faces are smaller than 80 pixels"),
    "badly exposed": (changed(GOOD, 0.2, exposure=0.05), "20 % of ada's faces are too dark"),
    "closed mouth": (changed(GOOD, mouth_open=0.05), "hardly ever opens the mouth"),
    "small yaw range": (
        [replace(f, yaw=f.yaw / 3) for f in GOOD],
        "turns through only 13 degrees",
    ),
}


PROBLEMS |= {
    "hidden forehead": (
        changed(GOOD, fringe=0.6),
        "ada's forehead is never visible: a fringe covers it in 100 % of the faces",
    ),
    "glasses": (changed(GOOD, 0.3, glasses=0.04), "ada wears glasses in 30 % of the faces"),
    "occluded": (
        changed(GOOD, 0.2, occluded=0.3),
        "Hands or other things hide ada's face in 20 % of the faces",
    ),
}
# Shares of a face set with what hides a face, and a part of the finding's text; none for chance.
HIDDEN = [
    ({"fringe": 0.6}, 0.4, "Hair covers ada's forehead in 40 % of the faces"),
    ({"fringe": 0.6}, 0.05, None),
    ({"fringe": 0.13}, 1.0, None),
    ({"glasses": 0.03}, 1.0, "ada always wears glasses"),
    ({"glasses": 0.03}, 0.03, None),
    ({"occluded": 0.05}, 1.0, None),
]


@pytest.mark.parametrize(("values", "share", "text"), HIDDEN)
def test_what_hides_a_face_is_told_by_its_share(
    values: dict[str, float], share: float, text: str | None, tmp_path: Path
) -> None:
    person = measure_faces(tmp_path, changed(GOOD, share, **values))
    findings = run_checks(FACESET_CHECKS, person)
    assert len(findings) == bool(text)
    assert all(text in finding.text for finding in findings.values())


def test_good_face_sets_have_no_finding(ada: FaceSetStatistics, ben: FaceSetStatistics) -> None:
    for person in (ada, ben):
        assert run_checks(FACESET_CHECKS, person) == {}
    assert run_checks(PAIR_CHECKS, (ada, ben)) == {}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_makes_its_finding_and_no_other(name: str, tmp_path: Path) -> None:
    faces, words = PROBLEMS[name]
    findings = run_checks(FACESET_CHECKS, measure_faces(tmp_path, faces))
    assert list(findings) == [name]
    finding = findings[name]
    assert words in finding.text
    assert finding.action
    assert finding.measurements
    assert 0 < finding.affected <= 1


def test_every_check_is_tested() -> None:
    assert len(PROBLEMS) == len(FACESET_CHECKS)


def test_a_set_of_a_single_file_has_one_finding(tmp_path: Path) -> None:
    person = measure_faces(tmp_path, [replace(f, file=2) for f in GOOD])
    findings = run_checks(FACESET_CHECKS, person)
    assert list(findings) == ["one file"]
    assert "All of ada's faces come from one file (ada2.mp4)." in findings["one file"].text


def test_pictures_extracted_from_one_video_count_as_one_file(tmp_path: Path) -> None:
    faces = write_faceset(tmp_path / "ada", GOOD)
    pictures = tuple(
        source.model_copy(update={"name": "film.mp4", "kind": "picture"}) for source in faces.files
    )
    person = measure_painted(replace(faces, files=pictures))
    assert [(file.name, file.faces) for file in person.files] == [("film.mp4", len(GOOD))]
    videos = tuple(source.model_copy(update={"name": "a.mp4"}) for source in faces.files)
    person = measure_painted(replace(faces, files=videos))
    assert len(person.files) == 5


@pytest.mark.parametrize(
    "name", ["other people", "near-duplicates", "blurred", "small", "badly exposed"]
)
def test_the_command_of_a_finding_solves_it_in_any_working_directory(
    name: str, tmp_path: Path, faceloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set is given by a relative path with a space and a quote; the command runs elsewhere."""
    monkeypatch.chdir(tmp_path)
    folder = Path("ada's faces")
    person = measure_painted(write_faceset(folder, PROBLEMS[name][0]))
    command = run_checks(FACESET_CHECKS, person)[name].command
    program, *arguments = shlex.split(command)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert (program, faceloom(*arguments)[0]) == ("faceloom", 0)
    after = measure_painted(FaceSet.read(tmp_path / folder))
    assert len(after) < len(person)
    assert name not in run_checks(FACESET_CHECKS, after)


def test_two_sets_of_the_same_person_are_found(ada: FaceSetStatistics) -> None:
    assert list(run_checks(PAIR_CHECKS, (ada, ada))) == ["same person"]


@pytest.mark.parametrize("difference", [-0.05, 0.05])
def test_the_sets_are_of_one_person_from_the_similarity_of_centers(
    ada: FaceSetStatistics, difference: float
) -> None:
    cosine = SAME_PERSON_CENTERS + difference
    other = np.eye(len(ada.center), dtype=np.float32)[np.argmin(ada.center)]
    other = unit_vectors(other - (other @ ada.center) * ada.center)
    near = replace(ada, center=float32(cosine * ada.center + np.sqrt(1 - cosine**2) * other))
    assert bool(run_checks(PAIR_CHECKS, (ada, near))) == (difference > 0)
