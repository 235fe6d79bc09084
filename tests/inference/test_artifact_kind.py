"""Every kind of thing is recognized, and given for another it is refused with the way there."""

import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.bundles import make_bundle

from faceloom.artifact_kind import SENTENCE_PREFIX, Kind, Purpose, check_kind, identify_kind
from faceloom.errors import ArtifactRefused, FaceloomError, UsageError
from faceloom.image_io import write_png
from faceloom.swap.bundle.archive import write_zip

GRAY = np.full((8, 8, 3), 128, np.uint8)
# Name in the fixture's folder, by what it is.
KINDS = {
    "clip.mp4": Kind.VIDEO,
    "swapped.mp4": Kind.SWAPPED_VIDEO,
    "picture.png": Kind.PICTURE,
    "swapped.png": Kind.SWAPPED_PICTURE,
    "photos": Kind.FOOTAGE_FOLDER,
    "clips": Kind.FOOTAGE_FOLDER,
    "ada": Kind.FACE_SET,
    "run": Kind.RUN,
    "ben.bundle": Kind.BUNDLE,
    "ben.zip": Kind.BUNDLE,
    "ben.dfm": Kind.DFM,
    "out.faceloom": Kind.PROJECT,
    "empty": Kind.FOLDER,
    "notes.txt": Kind.FILE,
    "nothing": Kind.MISSING,
}
_FOOTAGE = ("clip.mp4", "picture.png", "photos", "clips", "swapped.mp4", "swapped.png")
ACCEPTED = {
    Purpose.FOOTAGE: _FOOTAGE,
    Purpose.TARGET: _FOOTAGE,
    Purpose.FACE_SET: ("ada",),
    Purpose.RUN: ("run",),
    Purpose.BUNDLE: ("ben.bundle", "ben.zip"),
    Purpose.MODEL: ("ben.dfm",),
    Purpose.ARTIFACT: ("ada", "run", "ben.bundle", "ben.zip", "ben.dfm", "out.faceloom"),
    Purpose.MARKED: ("clip.mp4", "picture.png", "swapped.mp4", "swapped.png"),
}
# The command or words that lead on, by what is given and what is needed.
ADVICE = {
    ("clip.mp4", Purpose.FACE_SET): "faceloom extract",
    ("photos", Purpose.FACE_SET): "faceloom extract",
    ("swapped.mp4", Purpose.FACE_SET): "own footage",
    ("run", Purpose.FACE_SET): "faceloom inspect",
    ("ada", Purpose.RUN): "faceloom train",
    ("ben.bundle", Purpose.RUN): "the run that it was exported from",
    ("run", Purpose.BUNDLE): "faceloom export",
    ("ada", Purpose.BUNDLE): "export the run",
    ("ben.dfm", Purpose.BUNDLE): "faceloom import",
    ("ben.zip", Purpose.MODEL): "faceloom convert",
    ("ada", Purpose.FOOTAGE): "faceloom train",
    ("ben.bundle", Purpose.TARGET): "--bundle",
    ("swapped.mp4", Purpose.ARTIFACT): "faceloom verify",
    ("swapped.png", Purpose.ARTIFACT): "faceloom verify",
    ("clip.mp4", Purpose.ARTIFACT): "faceloom extract",
    ("run", Purpose.MARKED): "faceloom inspect",
}


@pytest.fixture(scope="module")
def things(
    tmp_path_factory: pytest.TempPathFactory, sample: Path, facesets: dict[str, Path]
) -> Path:
    """A folder with one thing of every kind."""
    folder = tmp_path_factory.mktemp("things")
    clip = shutil.copy(sample / "target_ada.mp4", folder / "clip.mp4")
    mark = b"\0" + SENTENCE_PREFIX.encode() + b" 0.1.0: faces were replaced\0"
    (folder / "swapped.mp4").write_bytes(Path(clip).read_bytes() + mark)
    write_png(folder / "picture.png", GRAY)
    (folder / "swapped.png").write_bytes((folder / "picture.png").read_bytes() + mark)
    for name, file in (("photos", "picture.png"), ("clips", "clip.mp4")):
        (folder / name).mkdir()
        shutil.copy(folder / file, folder / name)
    shutil.copytree(facesets["ada"], folder / "ada")
    (folder / "run").mkdir()
    (folder / "run" / "config.yaml").write_text("schema: 2\nfaces: {}\n")
    make_bundle(folder / "ben.bundle")
    write_zip(folder / "ben.bundle", folder / "ben.zip")
    (folder / "ben.dfm").write_bytes(b"onnx")
    (folder / "out.faceloom").mkdir()
    (folder / "out.faceloom" / "project.json").write_text('{"faceloom_version": "0.1.0"}')
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text("hello")
    return folder


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_recognized(things: Path, name: str) -> None:
    assert identify_kind(things / name) is KINDS[name]


@pytest.mark.parametrize(("name", "purpose"), list(product(KINDS, Purpose)))
def test_every_kind_for_every_purpose(things: Path, name: str, purpose: Purpose) -> None:
    unknown = KINDS[name] in (Kind.FOLDER, Kind.FILE, Kind.MISSING)
    if name in ACCEPTED[purpose] or unknown:
        check_kind(things / name, purpose)
        return
    with pytest.raises(FaceloomError) as refused:
        check_kind(things / name, purpose)
    text = str(refused.value)
    assert f"{name} is {KINDS[name]}, not {purpose}; " in text
    assert ADVICE.get((name, purpose), "") in text
    media = purpose in (Purpose.FOOTAGE, Purpose.TARGET, Purpose.MARKED)
    assert type(refused.value) is (UsageError if media else ArtifactRefused)


@pytest.mark.parametrize("name", ["faceset.json", "manifest.json", "config.yaml", "project.json"])
@pytest.mark.parametrize("clip", ["clip.mp4", "picture.png"])
def test_footage_beside_a_document_of_another_program_is_footage(
    things: Path, tmp_path: Path, name: str, clip: str
) -> None:
    shutil.copy(things / clip, tmp_path)
    (tmp_path / name).write_text('{"title": "Summer", "clips": []}\n')
    assert identify_kind(tmp_path) is Kind.FOOTAGE_FOLDER


@pytest.mark.parametrize("name", ["ada", "run", "ben.bundle"])
def test_an_artifact_beside_a_picture_is_an_artifact(
    things: Path, tmp_path: Path, name: str
) -> None:
    shutil.copytree(things / name, tmp_path / name)
    shutil.copy(things / "picture.png", tmp_path / name)
    assert identify_kind(tmp_path / name) is KINDS[name]


def test_a_damaged_artifact_is_recognized_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b"{")
    assert identify_kind(tmp_path) is Kind.BUNDLE


def test_the_right_folder_nearby_is_named(things: Path) -> None:
    for path, purpose, word in (
        (things / "ada" / "crops", Purpose.FACE_SET, "give .*/ada"),
        (things / "ada" / "faceset.json", Purpose.FACE_SET, "give .*/ada"),
        (things / "ben.bundle" / "swap.onnx", Purpose.BUNDLE, "give .*/ben.bundle"),
    ):
        with pytest.raises(ArtifactRefused, match=word):
            check_kind(path, purpose)
    outer = things / "outer"
    outer.mkdir()
    shutil.copytree(things / "ada", outer / "ada")
    with pytest.raises(ArtifactRefused, match=r"give .*/outer/ada"):
        check_kind(outer, Purpose.FACE_SET)


# A command with a wrong thing: exit code and words. FACES, CLIP and so on are names in `things`.
COMMANDS = {
    "extract ada --out new": (2, "is a face set, not footage"),
    "curate clip.mp4 --dedupe": (3, "is a video, not a face set"),
    "curate clip.mp4 --undo": (3, "is a video, not a face set"),
    "review photos --report new.html": (3, "not a face set"),
    "review ada --target ben.bundle --report new.html": (2, "not a video or picture"),
    "convert clip.mp4 --bundle run --out new.mp4": (3, "faceloom export"),
    "convert clip.mp4 --bundle ada --out new.mp4": (3, "is a face set, not a bundle"),
    "convert clip.mp4 --bundle swapped.mp4 --out new.mp4": (3, "a video that Faceloom swapped"),
    "convert run --bundle ben.bundle --out new.mp4": (2, "is a run, not a video or picture"),
    "convert clip.mp4 --baseline paste --identity run --out new.mp4": (3, "not a face set"),
    "compare clip.mp4 ben.bundle": (2, "is a bundle, not a video or picture"),
    "compare clip.mp4 clip.mp4 --identity clip.mp4": (3, "is a video, not a face set"),
    "inspect swapped.mp4": (3, "faceloom verify swapped.mp4"),
    "inspect clip.mp4": (3, "faceloom extract clip.mp4"),
    "verify ben.bundle": (2, "faceloom inspect ben.bundle"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_names_the_way(
    things: Path, faceloom, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(things)
    before = {path.name for path in things.iterdir()}
    code, _, err = faceloom(*command.split())
    assert (code, COMMANDS[command][1] in err) == (COMMANDS[command][0], True), err
    assert {path.name for path in things.iterdir()} == before
