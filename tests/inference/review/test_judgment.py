"""A review advises only what can be followed and helps, and ends with what to do next."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from tests.helpers.facesets import FaceSpec, changed, good_faces, write_faceset
from tests.helpers.reviews import measure_faces, measure_painted, target_of, without_networks

from faceloom.faceset import FaceSet
from faceloom.project.machine_speed import MachineSpeed
from faceloom.project.presets import choose_training
from faceloom.review import FaceSetStatistics
from faceloom.review.commands import default_preset
from faceloom.review.finding import ReviewFinding
from faceloom.review.judgment import judge, next_step
from faceloom.review.verdict import Readiness

GOOD = good_faces()
MANY = [replace(face, number=n) for n, face in enumerate(2 * GOOD)]
# Every fifth frame of one still scene: the same face again and again.
STILL = [
    replace(face, number=n, hash="0" * 16, yaw=n % 10 * 0.1, pitch=0.0, mouth_open=0.3)
    for n, face in enumerate(GOOD[:75])
]

# Faces whose command would leave too few, and what is advised instead.
HARMFUL: dict[str, tuple[list[FaceSpec], str]] = {
    "near-duplicates": (STILL, "They do no harm: leave them"),
    "blurred": (changed(GOOD, 0.5, sharpness=0.1), "Add sharper footage"),
    "small": (changed(GOOD, 0.5, size=50), "Add closer footage"),
    "badly exposed": (changed(GOOD, 0.5, exposure=0.05), "Add evenly lit footage"),
}
# Faces whose command helps.
HELPFUL: dict[str, list[FaceSpec]] = {
    "other people": changed(MANY, 0.1, person=1),
    "near-duplicates": MANY + changed(GOOD, hash="0" * 16, yaw=0.0, pitch=0.0, mouth_open=0.3),
    "blurred": changed(MANY, 0.5, sharpness=0.1),
    "small": changed(MANY, 0.5, size=50),
    "badly exposed": changed(MANY, 0.5, exposure=0.05),
}
for _name in ("near-duplicates", "blurred", "small", "badly exposed"):
    HELPFUL[_name] = [replace(face, number=n) for n, face in enumerate(HELPFUL[_name])]


def finding_of(people: tuple[FaceSetStatistics, ...], name: str) -> ReviewFinding:
    findings = judge(people, None).findings
    return next(each for each in findings if (each.name, each.subject) == (name, "ada"))


@pytest.mark.parametrize("name", HARMFUL)
def test_a_harmful_command_is_not_advised(
    name: str, tmp_path: Path, ben: FaceSetStatistics
) -> None:
    faces, words = HARMFUL[name]
    finding = finding_of((measure_faces(tmp_path, faces), ben), name)
    assert (finding.command, words in finding.action) == ("", True)


@pytest.mark.parametrize("name", HELPFUL)
@pytest.mark.long
def test_following_a_command_makes_no_verdict_worse(
    name: str, tmp_path: Path, ben: FaceSetStatistics, faceloom
) -> None:
    before = (measure_faces(tmp_path, HELPFUL[name]), ben)
    command = finding_of(before, name).command
    assert command
    assert faceloom(*shlex.split(command)[1:])[0] == 0
    after = (measure_painted(FaceSet.read(tmp_path / "ada")), ben)
    assert len(after[0]) < len(before[0])
    ranks = list(Readiness)
    for new, old in zip(judge(after, None).verdicts, judge(before, None).verdicts, strict=True):
        assert ranks.index(new.readiness) <= ranks.index(old.readiness)
        assert new.covered >= min(old.covered, 0.95) - 0.01


@pytest.mark.parametrize(
    ("step", "still", "words"),
    [(1, False, ""), (6, False, "extract again with --every 3"), (6, True, "")],
)
def test_more_frames_are_advised_only_where_there_are_other_ones(
    step: int, still: bool, words: str, tmp_path: Path, ben: FaceSetStatistics
) -> None:
    faces = [replace(f, number=step * n, file=0) for n, f in enumerate(STILL if still else GOOD)]
    person = measure_faces(tmp_path, faces[:60])
    finding = finding_of((person, ben), "few faces")
    assert person.every == step
    assert ("--every" in finding.action, words in finding.action) == (bool(words), True)
    assert "faceloom extract FOOTAGE --out" in finding.action
    assert "--add" in finding.action


def test_no_footage_is_asked_of_the_person_in_the_target(
    tmp_path: Path, ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    poor = measure_faces(tmp_path, changed(STILL, 1.0, file=0, light=-0.3))
    target = target_of(ada)
    (finding,) = judge((poor, ben), target).findings
    assert (finding.name, finding.severity) == ("few target faces", "note")
    assert "faceloom extract clip.mp4 --out" in finding.action
    assert judge((poor, ben), target).verdicts[0].readiness is Readiness.READY


def test_the_last_line_says_what_to_do(
    tmp_path: Path, ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    def last(*people: FaceSetStatistics) -> str:
        return next_step(judge(people, None).verdicts, people)

    directory = ada.faces.directory
    assert last(ada, ben).startswith(
        f"Go on: faceloom train --config laptop_128 --faces ada={directory}"
    )
    slow = next_step(judge((ada, ben), None).verdicts, (ada, ben), lambda: "smoke")
    assert slow.startswith("Go on: faceloom train --config smoke ")
    few = measure_faces(tmp_path, GOOD[:10])
    other = replace(measure_faces(tmp_path, GOOD[:10], "cy"), center=ben.center)
    assert last(few, other).startswith("Film this first: Add footage of")
    mixed = measure_faces(tmp_path, changed(GOOD[:20], 0.2, person=1))
    assert last(mixed, replace(other, center=ben.center)).startswith(("Film", "Do this first"))
    assert last(ada).startswith("Go on: review this face set together")


def test_the_last_line_can_be_pasted(tmp_path: Path, ben: FaceSetStatistics) -> None:
    person = measure_faces(tmp_path / "my faces (2)", GOOD)
    line = next_step(judge((person, ben), None).verdicts, (person, ben))
    words = shlex.split(line.removeprefix("Go on: "))
    assert f"ada={person.faces.directory}" in words
    assert words[:4] == ["faceloom", "train", "--config", "laptop_128"]


@pytest.mark.long
def test_the_command_advises_the_preset_of_a_swap_here(
    tmp_path: Path, faceloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fast_machine() -> MachineSpeed:
        return MachineSpeed(16, 100.0, True, True, 64.0, "a GPU", trains_on_gpu=True)

    monkeypatch.setattr("faceloom.project.presets.measure_speed", fast_machine)
    sets = [tmp_path / name for name in ("ada", "ben")]
    for number, folder in enumerate(sets):
        write_faceset(folder, good_faces(person=number), folder.name)
    with without_networks():
        code, out, _ = faceloom("review", *map(str, sets), "--report", str(tmp_path / "r.html"))
    chosen = choose_training(fast_machine(), None).preset
    assert chosen != default_preset()
    assert (code, f"faceloom train --config {chosen} " in out.replace("\n", " ")) == (0, True)


def test_judging_changes_no_file(tmp_path: Path, ben: FaceSetStatistics) -> None:
    faces = write_faceset(tmp_path / "ada", HELPFUL["blurred"])
    judge((measure_painted(faces), ben), None)
    assert FaceSet.read(tmp_path / "ada").rows == faces.rows
