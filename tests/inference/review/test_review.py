"""Each finding is made by footage with that fault and by none without; the page needs nothing from outside."""

import html
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.clips import make_clip
from tests.helpers.facesets import FaceSpec, changed, good_faces, write_faceset

from faceloom.array_types import float32
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom.review.charts import Axis, histogram, pose_map
from faceloom.review.coverage import covered_share, find_coverage_gap
from faceloom.review.coverage_findings import DIRECTION_CHECKS, TARGET_CHECKS
from faceloom.review.faceset_findings import FACESET_CHECKS, PAIR_CHECKS
from faceloom.review.faceset_measurement import measure_faceset
from faceloom.review.finding import Severity, format_counts, group_by_subject, sort_by_severity
from faceloom.review.lighting import measure_lighting
from faceloom.review.review import list_directions, summarize
from faceloom.review.statistics import (
    FaceSetStatistics,
    FaceTable,
    SwapDirection,
    TargetPersonStatistics,
    TargetStatistics,
)
from faceloom.review.target_measurement import match_face_set, measure_target
from faceloom.review.verdict import Readiness, judge_readiness
from faceloom.video import read_frames

GOOD = good_faces()
ALIKE = {"hash": "0" * 16, "yaw": 0.0, "pitch": 0.0, "mouth_open": 0.3, "eyes_open": 0.25}

# The fault, the one finding it makes, a piece of what it says.
FAULTS: dict[str, tuple[list[FaceSpec], str]] = {
    "few faces": (GOOD[::2], "ada has only 60 different faces"),
    "one source": ([replace(f, source=3 if f.number % 12 else 1) for f in GOOD],
                   "92 % of ada's faces come from one of 2 files (ada3.mp4)"),
    "few sources": ([replace(f, source=f.number % 2 if f.number % 12 else f.number % 5) for f in GOOD],
                    "% of ada's faces come from 2 of 5 files"),
    "strangers": (changed(GOOD, 17 / 120, person=1), "17 of ada's 120 faces look like another person"),
    "flat background": (changed(GOOD, 0.31, background_uniform=0.8, background_rgb=(40, 70, 200)),
                        "31 % of ada's crops have one flat blue background"),
    "one light": ([replace(f, light=-0.3) for f in GOOD], "ada is lit from the left only"),
    "near-duplicates": (changed(GOOD, 0.3, **ALIKE), "35 of ada's 120 faces are near-duplicates"),
    "blurred": (changed(GOOD, 0.2, sharpness=0.1), "20 % of ada's faces are blurred"),
    "small": (changed(GOOD, 0.4, size=50), "40 % of ada's faces are smaller than 80 pixels"),
    "badly exposed": (changed(GOOD, 0.2, exposure=0.05), "20 % of ada's faces are too dark"),
    "still mouth": (changed(GOOD, mouth_open=0.05), "hardly ever opens the mouth"),
    "stiff head": ([replace(f, yaw=f.yaw / 3) for f in GOOD], "turns through 13 degrees only"),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("review")


def measured(directory: Path, faces: list[FaceSpec], name: str = "ada") -> FaceSetStatistics:
    return run_to_completion(measure_faceset(write_faceset(directory / name, faces, name)))


@pytest.fixture(scope="module")
def ada(folder: Path) -> FaceSetStatistics:
    return measured(folder, GOOD)


@pytest.fixture(scope="module")
def ben(folder: Path) -> FaceSetStatistics:
    return measured(folder, good_faces(person=1), "ben")


def target_of(*people: FaceSetStatistics, **values: object) -> TargetStatistics:
    """A target in which these people are seen, each recognized; alone, or all at once in every frame."""
    alone = len(people) == 1
    shown = tuple(
        TargetPersonStatistics(
            p.name, "clip.mp4" if alone else f"{p.name} in clip.mp4", p.name, p.table, ()
        )
        for p in people
    )
    frames = len(people[0])
    return replace(
        TargetStatistics("clip.mp4", shown, frames, 0 if alone else frames, 0, 5), **values
    )


def found(table, subject) -> dict[str, object]:
    findings = [finding for find in table if (finding := find(subject))]
    return {finding.name: finding for finding in findings}


def test_good_footage_has_no_finding(ada: FaceSetStatistics, ben: FaceSetStatistics) -> None:
    for person in (ada, ben):
        assert found(FACESET_CHECKS, person) == {}
    for direction in list_directions((ada, ben), None):
        assert found(DIRECTION_CHECKS, direction) == {}
    assert found(PAIR_CHECKS, (ada, ben)) == {}
    assert found(TARGET_CHECKS, target_of(ada)) == {}
    summary = summarize(Path("r.html"), (ada, ben), target_of(ada))
    assert [(v.source, v.readiness) for v in summary.verdicts] == [("ben", Readiness.READY)]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_set_makes_its_finding_and_no_other(name: str, tmp_path: Path) -> None:
    faces, words = FAULTS[name]
    findings = found(FACESET_CHECKS, measured(tmp_path, faces))
    assert list(findings) == [name]
    finding = findings[name]
    assert words in finding.text
    assert finding.action
    assert finding.measurements
    assert 0 < finding.affected <= 1


def test_one_file_alone_is_said_once(tmp_path: Path) -> None:
    findings = found(FACESET_CHECKS, measured(tmp_path, [replace(f, source=2) for f in GOOD]))
    assert list(findings) == ["one source"]
    assert "All of ada's faces come from one file (ada2.mp4)." in findings["one source"].text


def test_pictures_that_were_cut_from_one_video_are_one_file(tmp_path: Path) -> None:
    faces = write_faceset(tmp_path / "ada", GOOD)
    frames = tuple(
        s.model_copy(update={"name": "film.mp4", "kind": "picture"}) for s in faces.sources
    )
    person = run_to_completion(measure_faceset(replace(faces, sources=frames)))
    assert [(share.name, share.faces) for share in person.files] == [("film.mp4", len(GOOD))]
    videos = run_to_completion(
        measure_faceset(
            replace(
                faces, sources=tuple(s.model_copy(update={"name": "a.mp4"}) for s in faces.sources)
            )
        )
    )
    assert len(videos.files) == 5


@pytest.mark.parametrize(
    "name", ["strangers", "near-duplicates", "blurred", "small", "badly exposed"]
)
def test_what_a_finding_says_to_type_takes_its_faces_out_wherever_it_is_typed(
    name: str, tmp_path: Path, faceloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set is named by a relative path with a blank and a quote in it, and the command is typed elsewhere."""
    monkeypatch.chdir(tmp_path)
    folder = Path("ada's faces")
    person = run_to_completion(measure_faceset(write_faceset(folder, FAULTS[name][0])))
    command = found(FACESET_CHECKS, person)[name].command
    program, *arguments = shlex.split(command)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert (program, faceloom(*arguments)[0]) == ("faceloom", 0)
    after = run_to_completion(measure_faceset(FaceSet.read(tmp_path / folder)))
    assert len(after) < len(person)
    assert name not in found(FACESET_CHECKS, after)


def test_every_finding_of_a_set_has_a_faulty_set() -> None:
    assert len(FAULTS) == len(FACESET_CHECKS)


# What the host has that the guest lacks, the finding, a piece of what it says.
GAPS = {
    "left": (
        {"yaw": -50.0},
        "pose gap left",
        "turns to 50 degrees left in 14 % of the frames; ben has no face there",
    ),
    "right": ({"yaw": 40.0}, "pose gap right", "turns to 40 degrees right"),
    "up": ({"pitch": 35.0, "yaw": 0.0}, "pose gap up", "looks up by 35 degrees"),
    "down": ({"pitch": -30.0, "yaw": 0.0}, "pose gap down", "looks down by 30 degrees"),
    "mouth": ({"mouth_open": 1.2}, "mouth gap", "opens the mouth wider in 14 % of the frames"),
    "light": ({"gradient_x": 1.0}, "light gap", "is lit more from the right in 14 % of the frames"),
}


@pytest.mark.parametrize("name", GAPS)
def test_what_the_target_needs_and_the_guest_lacks_is_found(
    name: str, ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    values, expected, words = GAPS[name]
    many = round(0.14 * len(ada))
    columns = {
        key: np.concatenate([getattr(ada.table, key)[many:], [value] * many])
        for key, value in values.items()
    }
    host = replace(ada.table, **{key: float32(column) for key, column in columns.items()})
    findings = found(DIRECTION_CHECKS, SwapDirection(ben, host, "clip.mp4", "frames"))
    assert list(findings) == [expected]
    assert words in findings[expected].text


def without(person: FaceSetStatistics, **values: float) -> FaceSetStatistics:
    """The person with some columns all alike."""
    columns = {name: np.full(len(person), value, np.float32) for name, value in values.items()}
    return replace(person, table=replace(person.table, **columns))


def test_looking_ahead_may_be_what_is_missing(
    ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    aside = replace(ben, table=replace(ben.table, yaw=ben.table.yaw + 60))
    assert "looks nearly ahead (" in found(DIRECTION_CHECKS, SwapDirection(aside, ada.table, "ada", "faces"))[
        "pose gap ahead"
    ].text  # fmt: skip


def test_an_eye_is_shut_beside_how_far_its_person_opens_it_and_a_profile_s_cannot_be_told(
    ada: FaceSetStatistics,
) -> None:
    """Half of them blink in their own way: the narrow eyes of one are open, the wide ones of another shut."""
    for usual in (0.2, 0.33):
        opens = float32([usual] * 8 + [0.75 * usual] * 4 + [0.85 * usual] * 4)
        table = replace(ada.table, eyes_open=opens, yaw=float32([0] * 10 + [50, -50] + [0] * 4))
        assert np.flatnonzero(table.has_closed_eyes()).tolist() == [8, 9]
        assert table.relative_eye_opening()[[0, 8]] == pytest.approx([1, 0.75])


def test_shut_eyes_are_those_of_the_truth(sample: Path, ada: FaceSetStatistics) -> None:
    truth = np.load(sample / "target_ada.npz")
    controls = json.loads(str(truth["meta"]))["controls"]
    shut = truth["expr"][:, 0, [controls.index("blinkL"), controls.index("blinkR")]].mean(1)
    (person,) = run_to_completion(measure_target(sample / "target_ada.mp4", 1, (ada,))).people
    assert len(person.table) == len(shut)
    found = person.table.has_closed_eyes()
    assert (int(found[shut > 0.7].sum()), int(found[shut < 0.3].sum())) == (
        int((shut > 0.7).sum()),
        0,
    )
    assert found.any()


def test_a_few_mistaken_blinks_among_many_faces_are_none_learned(
    ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    """Of a thousand open eyes some are taken for shut."""
    opens = float32([0.25] * 1000)
    columns = {
        name: np.resize(getattr(ben.table, name), 1000)
        for name in ("yaw", "pitch", "size", "mouth_open")
    }
    for mistaken, expected in ((4, ["blink gap"]), (12, [])):
        table = replace(
            ben.table, **columns, eyes_open=np.where(np.arange(1000) < mistaken, 0.15, opens)
        )
        assert (
            list(
                found(
                    DIRECTION_CHECKS,
                    SwapDirection(replace(ben, table=table), ada.table, "ada", "faces"),
                )
            )
            == expected
        )


def test_a_guest_who_never_blinks_and_one_who_is_small_are_found(
    ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    stare, far = without(ben, eyes_open=0.25), without(ben, size=90)
    assert list(found(DIRECTION_CHECKS, SwapDirection(stare, ada.table, "ada", "faces"))) == [
        "blink gap"
    ]
    assert list(found(DIRECTION_CHECKS, SwapDirection(far, ada.table, "ada", "faces"))) == [
        "softer source"
    ]


def test_every_finding_of_a_direction_was_made() -> None:
    made = {gap[1] for gap in GAPS.values()} | {"pose gap ahead", "blink gap", "softer source"}
    assert len(made) == len(DIRECTION_CHECKS)


# What the target is like, the finding, a piece of what it says.
TARGETS = {
    "passers-by": ({"frames_with_several_faces": 30}, "several faces", "shows more than one face in 25 % of the frames"),
    "empty frames": ({"frames_without_face": 30}, "no face", "no detectable face in 25 % of the frames"),
}


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_hard_about_a_target_is_found(name: str, ada: FaceSetStatistics) -> None:
    values, expected, words = TARGETS[name]
    findings = found(TARGET_CHECKS, target_of(ada, **values))
    assert list(findings) == [expected]
    assert words in findings[expected].text


def test_several_people_in_the_target_are_found_and_named(
    ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    findings = found(TARGET_CHECKS, target_of(ada, ben))
    assert list(findings) == ["several people"]
    assert "2 people (ada in 100 %, ben in 100 % of the frames)" in findings["several people"].text
    assert len(TARGET_CHECKS) == len(TARGETS) + 1


def test_each_person_of_the_target_is_a_host_of_everyone_else(
    ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    both = target_of(ada, ben)
    assert [d.text for d in list_directions((ada, ben), both)] == [
        "ben's face on ada in clip.mp4",
        "ada's face on ben in clip.mp4",
    ]
    aside = replace(ben, table=replace(ben.table, yaw=ben.table.yaw + 60))
    summary = summarize(Path("r.html"), (ada, aside), target_of(ada, aside))
    gap = next(f for f in summary.findings if f.name == "pose gap right")
    assert gap.text.startswith("ben in clip.mp4 turns to 76 degrees right")
    assert "of the frames that show them; ada has no face there" in gap.text


def test_one_person_twice_is_found(ada: FaceSetStatistics) -> None:
    assert list(found(PAIR_CHECKS, (ada, ada))) == ["one person twice"]


def test_the_gravest_comes_first(ada: FaceSetStatistics, ben: FaceSetStatistics) -> None:
    faulty = without(replace(ada, similarity=np.full(len(ada), 0.1, np.float32)), sharpness=0.1)
    findings = [f for find in FACESET_CHECKS if (f := find(faulty))]
    assert [f.name for f in sort_by_severity(findings)] == ["strangers", "blurred"]
    summary = summarize(Path("r.html"), (ben, faulty), target_of(ben))
    assert summary.verdicts[0].readiness == Readiness.NOT_READY
    assert "--keep-identity" in summary.verdicts[0].command
    severities = [list(Severity).index(f.severity) for f in summary.findings]
    assert severities == sorted(severities)


def test_findings_stand_together_by_what_they_are_about_the_gravest_first(
    ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    faulty = without(replace(ada, similarity=np.full(len(ada), 0.1, np.float32)), sharpness=0.1)
    people, both = (without(ben, mouth_open=0.05), faulty), target_of(ada, ben)
    summary = summarize(Path("r.html"), people, both)
    assert [
        (about, format_counts(f), [each.name for each in f])
        for about, f in group_by_subject(summary.findings).items()
    ] == [
        ("ada", "1 critical, 1 warning", ["strangers", "blurred"]),
        ("ben", "1 warning", ["still mouth"]),
        ("ben's face on ada in clip.mp4", "1 warning", ["mouth gap"]),
        ("clip.mp4", "1 note", ["several people"]),
    ]
    assert (
        format_counts([f for f in summary.findings if f.severity == Severity.WARNING])
        == "3 warnings"
    )
    said = summary.to_text().splitlines()
    assert said.index("ada: 1 critical, 1 warning") < said.index(
        "ben's face on ada in clip.mp4: 1 warning"
    )


def test_coverage_is_a_share_of_the_host_s_faces(
    ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    half = replace(ada.table, yaw=float32(np.where(np.arange(len(ada)) % 2, 0, 70)))
    direction = SwapDirection(ben, half, "ada", "faces")
    assert covered_share(direction) == pytest.approx(0.5)
    gap = find_coverage_gap(direction, "right")
    assert gap is not None
    assert (gap.share, gap.source_faces) == (pytest.approx(0.5), 0)
    assert find_coverage_gap(direction, "left") is None
    verdict = judge_readiness(direction, [])
    assert (verdict.readiness, verdict.covered) == (Readiness.NOT_READY, pytest.approx(0.5))


def test_the_people_of_a_target_are_told_apart(
    tmp_path: Path, sample: Path, ada: FaceSetStatistics, facesets
) -> None:
    """Two clips side by side; ben is known by his face set, ada is not (the other set is of someone painted)."""
    clips = [
        [f.rgb for f in read_frames(sample / f"target_{name}.mp4", every=6)][:6]
        for name in ("ada", "ben")
    ]
    pair = [np.concatenate(pictures, 1) for pictures in zip(*clips, strict=True)]
    path = make_clip(tmp_path / "pair.mp4", pair)
    known = replace(run_to_completion(measure_faceset(FaceSet.read(facesets["ben"]))), name="ben")
    target = run_to_completion(measure_target(path, 1, (ada, known)))
    assert [
        (p.name, p.matches, len(p.table)) for p in sorted(target.people, key=lambda p: p.name)
    ] == [
        ("ben in pair.mp4", "ben", 6),
        (f"{next(p for p in target.people if not p.matches).label} of pair.mp4", "", 6),
    ]
    assert (target.frames, target.frames_with_several_faces, target.frames_without_face) == (6, 6, 0)


def test_the_target_s_own_person_is_no_guest(
    ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    target = target_of(ada)
    assert match_face_set(ada.center, (ben, ada)) == "ada"
    assert match_face_set(float32(np.eye(192)[9]), (ben, ada)) == ""
    assert [d.source.name for d in list_directions((ben, ada), target)] == ["ben"]
    assert [d.source.name for d in list_directions((ada,), target)] == ["ada"]
    assert [d.text for d in list_directions((ada, ben), None)] == [
        "ada's face on ben",
        "ben's face on ada",
    ]


def test_light_is_measured_from_the_side_it_comes_from() -> None:
    ramp = np.linspace(80, 200, 96)
    mask = np.full((96, 96), 255, np.uint8)
    right = np.broadcast_to(ramp[None, :, None], (96, 96, 3)).astype(np.uint8)
    below = np.ascontiguousarray(right.transpose(1, 0, 2))
    for picture, across, down in ((right, 1, 0), (right[:, ::-1].copy(), -1, 0), (below, 0, 1)):
        light = measure_lighting(picture, mask)
        assert np.sign([round(light.gradient_x, 2), round(light.gradient_y, 2)]).tolist() == [across, down]
    assert measure_lighting(right, np.zeros_like(mask)).lab == (0, 0, 0)


def test_charts_take_one_face_and_faces_beyond_their_edge(ada: FaceSetStatistics) -> None:
    none = np.zeros((0, 2), np.float32)
    assert len(FaceTable.from_faces([], [], [], [])) == 0
    assert pose_map(replace(ada.table, yaw=ada.table.yaw * 9), "#000", none, none).count("<rect")
    assert "median 5.00<" in histogram(float32([5]), Axis(0, 1), "#000")


def test_a_chart_says_what_its_ends_mean_and_shades_what_is_doubtful() -> None:
    drawn = histogram(float32([0.2, 0.9]), Axis(0, 2, "", "shut", "wide <open", 0.5), "#000")
    assert ">shut<" in drawn
    assert ">wide &lt;open<" in drawn
    assert f'<rect width="{210 / 4:.1f}" height="64" fill="#000"' in drawn


@pytest.fixture(scope="module")
def page_and_result(
    folder: Path, ada: FaceSetStatistics, ben: FaceSetStatistics, sample: Path
) -> tuple[str, dict]:
    """What the command writes and prints for the two sets and a clip of the sample."""
    from faceloom.cli.app import main

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as end:
        import io
        import sys

        out = io.StringIO()
        patch.setattr(sys, "stdout", out)
        typed = (
            f"faceloom review {folder}/ada {folder}/ben --target {sample}/target_ada.mp4 --every 25"
        )
        patch.setattr(
            sys, "argv", [*typed.split(), "--report", str(folder / "review.html"), "--json"]
        )
        main()
    assert not end.value.code
    return (folder / "review.html").read_text(), json.loads(out.getvalue())


def test_the_page_needs_nothing_from_outside(page_and_result: tuple[str, dict]) -> None:
    page, _ = page_and_result
    assert not re.findall(r"https?:|<script|<link|@import|url\(", page)
    assert all(
        source.startswith("data:image/jpeg;base64,")
        for source in re.findall(r'src="([^"]*)"', page)
    )
    assert page.count("<img") == 2 * 3 * 12 + 3
    for title in (
        "Ready to train?",
        "Findings",
        "Where the heads turn",
        "Lighting and color",
        "Where the faces come from",
    ):
        assert title in page
    assert "nan" not in re.sub(r'src="[^"]*"', "", page)


def test_the_result_holds_all_figures_and_findings(page_and_result: tuple[str, dict]) -> None:
    page, result = page_and_result
    assert [person["name"] for person in result["people"]] == ["ada", "ben"]
    assert result["people"][0]["faces"] == 120
    (person,) = result["target"].pop("people")
    assert result["target"] == {"name": "target_ada.mp4", "frames": 3, "frames_with_several_faces": 0, "frames_without_face": 0}
    assert (person["name"], person["faces"], person["matches"]) == ("target_ada.mp4", 3, "")
    assert (
        result["people"][0]["spreads"]["yaw"]["low"]
        < 0
        < result["people"][0]["spreads"]["yaw"]["high"]
    )
    assert [verdict["source"] for verdict in result["verdicts"]] == ["ada", "ben"]
    headings = [
        html.unescape(heading) for heading in re.findall(r'<h3 class="group">(.*?) <small>', page)
    ]
    assert headings == list(dict.fromkeys(finding["subject"] for finding in result["findings"]))
    for finding in result["findings"]:
        assert finding["text"].replace("'", "&#x27;") in page
        assert html.escape(finding["command"]) in page
    for word in ("shut", "wide open", "blurred", "sharp"):
        assert f">{word}</text>" in page


REFUSALS = {
    "no face set": ("ada nothing --report OUT.html", 3, "is no face set"),
    "a report that exists": ("ada --report there.html", 2, "--force"),
    "the same name twice": ("ada ada --report OUT.html", 2, "called the same"),
    "no target": ("ada --target missing.mp4 --report OUT.html", 2, "missing.mp4 does not exist"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_the_command_refuses_in_a_sentence(
    name: str,
    folder: Path,
    ada: FaceSetStatistics,
    tmp_path: Path,
    faceloom,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typed, code, words = REFUSALS[name]
    monkeypatch.chdir(folder)
    (folder / "there.html").write_text("mine")
    found_code, out, err = faceloom("review", *typed.replace("OUT", str(tmp_path / "out")).split())
    assert (found_code, out, words in err) == (code, "", True), err
    assert list(tmp_path.iterdir()) == []
    assert (folder / "there.html").read_text() == "mine"


def test_one_set_alone_is_reviewed_without_a_verdict(
    folder: Path, ada: FaceSetStatistics, tmp_path: Path, faceloom
) -> None:
    code, out, _ = faceloom("review", folder / "ada", "--report", tmp_path / "r.html")
    assert (code, "the whole review" in out) == (0, True)
    assert "to have a pair judged" in (tmp_path / "r.html").read_text()
