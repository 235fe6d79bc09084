"""Faces are rejected in bulk as asked, and brought back."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from tests.helpers.facesets import changed, good_faces, write_faceset

from faceloom.errors import ArtifactRefused, UsageError
from faceloom.faceset import Condition, CurateOptions, FaceSet, curate, drop_faces, undo_curate
from faceloom.faceset.curate import CurateSummary, has_dropped_faces
from faceloom.faceset.filters import FIELDS
from faceloom.faceset.parsing.region_shares import RegionShares
from faceloom.faceset.similarity import FaceLooks, near_duplicate_groups
from faceloom.output_lock import lock_output
from faceloom.progress import ProgressGenerator, run_to_completion


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """24 faces: 4 blurred, 3 of another person (1 blurred), 3 near-duplicates."""
    faces = changed(good_faces(24), 4 / 24, sharpness=0.1)
    faces = [*faces[:3], *changed(faces[3:6], person=1), *faces[6:]]
    faces[20:23] = [
        replace(
            face,
            hash=f"{(1 << 40) + n:016x}",
            yaw=5 + n / 10,
            pitch=1,
            mouth_open=0.3,
            eyes_open=0.25,
            sharpness=0.8 + n / 10,
        )
        for n, face in enumerate(faces[20:23])
    ]
    write_faceset(tmp_path / "ada", faces)
    return tmp_path / "ada"


def curated(folder: Path, options: CurateOptions, *, apply: bool) -> CurateSummary:
    return run_to_completion(curate(folder, options, apply=apply))


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


ASKED = {
    "a condition": (
        CurateOptions((Condition.parse("sharpness<0.2"),)),
        {"sharpness<0.2": 4},
        [0, 1, 2, 3],
    ),
    "another person": (CurateOptions(keep_identity=True), {"another person": 3}, [3, 4, 5]),
    "duplicates but the sharpest": (CurateOptions(dedupe=True), {"near-duplicate": 2}, [20, 21]),
    "all of it": (
        CurateOptions((Condition.parse("sharpness<0.2"),), dedupe=True, keep_identity=True),
        {"another person": 3, "sharpness<0.2": 3, "near-duplicate": 2},
        [0, 1, 2, 3, 4, 5, 20, 21],
    ),
    "nobody": (CurateOptions((Condition.parse("size > 1e4"),)), {}, []),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_is_asked_is_shown_done_and_undone(folder: Path, name: str) -> None:
    options, reasons, numbers = ASKED[name]
    before, read_before = files(folder), FaceSet.read(folder)
    shown = curated(folder, options, apply=False)
    assert {reason.reason: reason.faces for reason in shown.reasons} == reasons
    assert (files(folder), shown.action, shown.moved) == (before, "none", len(numbers))

    curated(folder, options, apply=True)
    after = FaceSet.read(folder)
    assert [row.frame for row in after.rows] == [n for n in range(24) if n not in numbers]
    assert len(after.read_embeddings()) == len(after)
    if numbers:
        assert undo_curate(folder).moved == len(numbers)
    assert files(folder) == before
    assert FaceSet.read(folder).rows == read_before.rows


def test_drops_are_undone_one_by_one_the_last_first(folder: Path) -> None:
    before = files(folder)
    curated(folder, CurateOptions((Condition.parse("sharpness<0.2"),)), apply=True)
    curated(folder, CurateOptions(keep_identity=True), apply=True)
    assert (folder / "dropped/2/record.json").is_file()
    assert undo_curate(folder).moved == 2
    assert undo_curate(folder).moved == 4
    assert files(folder) == before
    with pytest.raises(UsageError, match="no dropped faces"):
        undo_curate(folder)


def test_a_drop_killed_midway_is_undone_as_well(folder: Path) -> None:
    before = files(folder)
    curated(folder, CurateOptions((Condition.parse("sharpness<0.2"),)), apply=True)
    first = json.loads((folder / "dropped/1/record.json").read_text())["faces"][0]["image"]
    (folder / "dropped/1" / Path(first).name).rename(folder / first)
    assert undo_curate(folder).moved == 3
    assert files(folder) == before


def test_restored_crops_are_flushed_before_the_record_is_removed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power failure between the two leaves the record, with which undo continues."""
    curated(folder, CurateOptions((Condition.parse("sharpness<0.2"),)), apply=True)
    flushed: list[tuple[str, bool, int]] = []

    def flush(path: Path) -> None:
        record = folder / "dropped/1/record.json"
        flushed.append((path.name, record.is_file(), len(list(folder.glob("crops/*")))))

    monkeypatch.setattr(import_module("faceloom.faceset.curate"), "flush_to_disk", flush)
    undo_curate(folder)
    assert flushed == [("crops", True, 24), ("1", True, 24)]


def test_a_drop_killed_midway_goes_on_as_one_drop(folder: Path) -> None:
    before = files(folder)
    options = CurateOptions((Condition.parse("sharpness<0.2"),))
    curated(folder, options, apply=True)
    undisturbed = files(folder)
    first = json.loads((folder / "dropped/1/record.json").read_text())["faces"][0]["image"]
    (folder / "dropped/1" / Path(first).name).rename(folder / first)
    assert curated(folder, options, apply=True).moved == 1
    assert files(folder) == undisturbed
    assert undo_curate(folder).moved == 4
    assert files(folder) == before


def test_a_drop_beside_a_damaged_record_has_a_number_of_its_own(folder: Path) -> None:
    options = CurateOptions((Condition.parse("sharpness<0.2"),))
    before = files(folder)
    (folder / "dropped/1").mkdir(parents=True)
    (folder / "dropped/1/record.json").write_text("{")
    assert curated(folder, options, apply=True).moved == 4
    assert (folder / "dropped/2/record.json").is_file()
    assert undo_curate(folder).moved == 4
    assert files(folder) - before == {"dropped/1/record.json"}


def test_a_crop_put_in_a_dropped_ones_place_is_kept_apart(folder: Path) -> None:
    curated(folder, CurateOptions((Condition.parse("sharpness<0.2"),)), apply=True)
    first = json.loads((folder / "dropped/1/record.json").read_text())["faces"][0]["image"]
    dropped = folder / "dropped/1" / Path(first).name
    before = dropped.read_bytes()
    (folder / first).write_bytes(before + b"mine")
    drop_faces(folder, [first], "chosen")
    assert dropped.read_bytes() == before
    assert (folder / "dropped/2" / Path(first).name).read_bytes() == before + b"mine"


def test_chosen_faces_are_dropped_with_a_record_and_restored(folder: Path) -> None:
    before = files(folder)
    images = [row.image for row in FaceSet.read(folder).rows[5:8]]
    # A name that is given twice counts once.
    summary = drop_faces(folder, [*images, images[0]], "rejected by hand")
    assert (summary.action, summary.faces, summary.moved) == ("dropped", 24, 3)
    record = json.loads((folder / "dropped/1/record.json").read_text())
    assert record["faces"] == [{"image": i, "reason": "rejected by hand"} for i in images]
    assert len(FaceSet.read(folder)) == 21
    assert has_dropped_faces(folder)
    assert undo_curate(folder).moved == 3
    assert (files(folder), has_dropped_faces(folder)) == (before, False)


CHOICES = {
    "none": (0, [], "No face is given"),
    "all": (24, [], "drop all 24 faces"),
    "an unknown one": (1, ["crops/nobody.jpg"], "no face 'crops/nobody.jpg'"),
    "a path outside": (0, ["crops/../faceset.json"], "has no face"),
    "another file": (0, ["embeddings.npy"], "has no face"),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_bad_choice_of_faces_is_refused_and_changes_nothing(folder: Path, name: str) -> None:
    count, others, words = CHOICES[name]
    before = files(folder)
    images = [row.image for row in FaceSet.read(folder).rows[:count]]
    with pytest.raises(UsageError, match=words):
        drop_faces(folder, [*images, *others], "rejected")
    assert files(folder) == before


def test_chosen_faces_of_a_locked_face_set_are_not_dropped(folder: Path) -> None:
    images = [FaceSet.read(folder).rows[0].image]
    with lock_output(folder), pytest.raises(UsageError, match="is being written"):
        drop_faces(folder, images, "rejected")
    assert drop_faces(folder, images, "rejected").moved == 1


def test_the_sharpest_face_leads_its_group_of_near_duplicates(folder: Path) -> None:
    groups = near_duplicate_groups(FaceLooks.of(FaceSet.read(folder).rows))
    assert groups.tolist() == [*range(20), 22, 22, 22, 23]


def test_undo_overwrites_nothing(folder: Path) -> None:
    curated(folder, CurateOptions((Condition.parse("sharpness<0.2"),)), apply=True)
    image = next((folder / "dropped/1").glob("*.jpg"))
    (folder / "crops" / image.name).write_text("mine")
    before = files(folder)
    with pytest.raises(UsageError, match="exists already"):
        undo_curate(folder)
    assert files(folder) == before
    assert (folder / "crops" / image.name).read_text() == "mine"


def test_a_record_that_points_outside_is_refused(folder: Path) -> None:
    curated(folder, CurateOptions((Condition.parse("sharpness<0.2"),)), apply=True)
    record = folder / "dropped/1/record.json"
    record.write_text(record.read_text().replace("crops/", "../crops/"))
    with pytest.raises(ArtifactRefused, match=r"faces\.0\.image"):
        undo_curate(folder)


def test_what_is_no_face_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactRefused, match="is not a face set"):
        curated(tmp_path, CurateOptions(dedupe=True), apply=True)
    with pytest.raises(ArtifactRefused, match="is not a face set"):
        undo_curate(tmp_path)


def test_a_blink_is_no_duplicate(tmp_path: Path) -> None:
    faces = changed(
        good_faces(3), hash="0" * 16, yaw=0.0, pitch=0.0, mouth_open=0.1, eyes_open=0.25
    )
    # The mesh never quite shuts an eye.
    faces[1] = changed([faces[1]], eyes_open=0.205)[0]
    write_faceset(tmp_path / "ada", faces)
    assert curated(tmp_path / "ada", CurateOptions(dedupe=True), apply=False).moved == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sharpnes<0.2", "did you mean sharpness?"),
        ("pose.yav>3", r"did you mean pose\.yaw\?"),
        ("zzzzzz<1", "choose one of score"),
        ("hash<1", "no number named 'hash'"),
        ("sharpness", "is not a condition"),
        ("sharpness=0.2", "is not a condition"),
        ("sharpness<", "is not a condition"),
        ("sharpness<low", "'low' in 'sharpness<low' is not a number"),
        ("sharpness<nan", "is not a number"),
        ("0.2<sharpness", "is not a condition"),
    ],
)
def test_a_bad_condition_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Condition.parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yaw >= -3", "yaw>=-3"),
        (" quality.sharpness<.5 ", "sharpness<0.5"),
        ("similarity != 1e0", "similarity!=1"),
    ],
)
def test_a_condition_is_read_with_or_without_spaces(text: str, said: str) -> None:
    condition = Condition.parse(text)
    assert (str(condition), condition.field in FIELDS) == (said, True)


REFUSALS = {
    "no option": ("", "No option says what to drop"),
    "all faces": ("--drop size>0", "drop all 24 faces"),
    "undo and more": ("--undo --dedupe", "--undo cannot be combined"),
    "a misspelt field": ("--drop sharpnes<0.2 --apply", "did you mean sharpness"),
    "nothing to undo": ("--undo", "no dropped faces"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_the_command_refuses_in_a_sentence(folder: Path, name: str, faceloom) -> None:
    arguments, words = REFUSALS[name]
    before = files(folder)
    code, out, err = faceloom("curate", folder, *arguments.split())
    assert (code, out, words in err) == (2, "", True), err
    assert files(folder) == before


def test_the_command_shows_applies_and_undoes(folder: Path, faceloom) -> None:
    code, out, _ = faceloom("curate", folder, "--drop", "sharpness<0.2")
    assert (code, "Would drop 4 of 24 faces; 20 remain." in out, "pass --apply" in out) == (
        0,
        True,
        True,
    )
    code, out, err = faceloom("curate", folder, "--drop", "sharpness<0.2", "--apply", "--json")
    assert (code, json.loads(out)["moved"], "--undo" in err) == (0, 4, True)
    code, out, _ = faceloom("curate", folder, "--undo")
    assert (code, out) == (0, "Restored 4 faces; the face set now has 24.\n")


@pytest.mark.parametrize("text", ["occluded>0.3", "fringe>=0.5", "glasses > 0.015"])
def test_faces_are_dropped_by_what_hides_them(
    folder: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = []

    def regions(faces: FaceSet, rows: tuple) -> ProgressGenerator[list[RegionShares]]:
        parsed.append(len(rows))
        yield from ()
        return [RegionShares(0.4, 0.6, 0.02)] * 5 + [RegionShares()] * (len(rows) - 5)

    # The function has the name of its module.
    monkeypatch.setattr(import_module("faceloom.faceset.curate"), "measure_regions", regions)
    hidden = CurateOptions((Condition.parse(text),))
    assert curated(folder, hidden, apply=False).moved == 5
    assert parsed == [24]
    # Other conditions need no regions.
    curated(folder, CurateOptions((Condition.parse("sharpness<0.2"),)), apply=False)
    assert parsed == [24]
