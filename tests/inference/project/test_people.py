"""Who is in footage, and whom a swap means."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.clips import make_clip

from faceloom.array_types import float32
from faceloom.errors import MediaUnreadable
from faceloom.faces.face_recognition import unit_vectors
from faceloom.faceset.footage import list_footage
from faceloom.progress import run_to_completion
from faceloom.project.people import (
    FootagePeople,
    Person,
    SampledFace,
    find_people,
    write_portraits,
    write_references,
)
from faceloom.video import read_frames


def person(frames: int, axis: int) -> Person:
    """A person in so many frames, whose embeddings are near an axis."""
    generator = np.random.default_rng(axis)
    noise = generator.normal(0, 0.03, (frames, 192))
    noise[:, axis] += 1
    embeddings = unit_vectors(float32(noise))
    portrait = np.full((8, 8, 3), 60 * axis, np.uint8)
    faces = tuple(SampledFace(i, row, 90.0, portrait) for i, row in enumerate(embeddings))
    return Person(faces, frames, unit_vectors(embeddings.mean(0)))


@pytest.mark.parametrize(
    ("frames", "dominant"),
    [((48,), 0), ((48, 16), 0), ((48, 17), None), ((24, 24), None), ((), None), ((3, 1), 0)],
)
def test_one_person_dominates(frames: tuple[int, ...], dominant: int | None) -> None:
    people = tuple(person(count, axis) for axis, count in enumerate(frames))
    found = FootagePeople(48, 480, 0.3, people)
    assert found.dominant() is (None if dominant is None else people[dominant])


def test_a_picture_names_the_person() -> None:
    people = person(24, 0), person(24, 1)
    found = FootagePeople(48, 480, 0.3, people)
    assert found.most_similar(float32(np.eye(192)[1:2])) is people[1]
    assert found.most_similar(float32(np.eye(192)[5:6])) is None
    assert found.share(people[0]) == 0.5


def test_the_sheet_has_every_person_with_a_number(tmp_path: Path) -> None:
    people = [person(9, 0), person(8, 1), person(7, 2), person(6, 3)]
    chosen = write_references(people[0], tmp_path, "target")
    before = [path.read_bytes() for path in chosen]
    sheet, pictures = write_portraits(people, tmp_path, "target")
    assert [path.read_bytes() for path in chosen] == before
    assert [path.name for path in pictures] == [f"target-{n}.png" for n in (1, 2, 3, 4)]
    height, width = cv2.imread(str(sheet)).shape[:2]
    # Three portraits in a row, and a row for the fourth.
    assert height / width == pytest.approx(2 * 310 / (3 * 288), rel=0.01)


def test_portraits_of_two_people_are_two_files(tmp_path: Path) -> None:
    first, second = (write_references(person(9, axis), tmp_path, "target") for axis in (1, 2))
    assert first[0].read_bytes() != second[0].read_bytes()
    assert write_references(person(9, 1), tmp_path, "target") == first


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """A folder with clips of ada, of ben, and of both side by side; 8 frames each."""
    folder = tmp_path_factory.mktemp("clips")
    frames = {
        name: [frame.rgb for frame in read_frames(sample / f"train_{name}.mp4", every=18)]
        for name in ("ada", "ben")
    }
    both = [np.hstack(pair) for pair in zip(frames["ada"], frames["ben"], strict=True)]
    for name, pictures in {**frames, "both": both}.items():
        make_clip(folder / f"{name}.mp4", pictures)
    return folder


@pytest.mark.parametrize("intact", [True, False])
def test_a_broken_picture_is_passed_over(clips: Path, tmp_path: Path, intact: bool) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff broken")
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff broken")
    if intact:
        picture = next(read_frames(clips / "ben.mp4")).rgb
        cv2.imwrite(str(tmp_path / "c.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        found = run_to_completion(find_people(list_footage([tmp_path]).files, "guest"))
        assert (found.samples, len(found.people)) == (1, 1)
    else:
        with pytest.raises(MediaUnreadable, match=r"a\.jpg"):
            run_to_completion(find_people(list_footage([tmp_path]).files, "guest"))


REFUSALS = {
    "two people": ("ben.mp4 --onto both.mp4", 2, "--reference out.faceloom/people/target-1.png"),
    "two guests": ("both.mp4 --onto ada.mp4", 2, "--guest-reference out.faceloom/people/guest-1"),
    "the same person": ("ada.mp4 --onto copy.mp4", 2, "show the same person"),
    "the same file": ("ada.mp4 --onto ada.mp4", 2, "is given for both people"),
    "no such guest": ("nobody.mp4 --onto ada.mp4", 2, "nobody.mp4 does not exist"),
    "no such target": ("ben.mp4 --onto nobody.mp4", 2, "nobody.mp4"),
    "an ending without a format": ("ben.mp4 --onto ada.mp4 --out out.doc", 2, ".mkv"),
    "an encoder that does not fit": (
        "ben.mp4 --onto ada.mp4 --out out.webm --encoder x264",
        2,
        "out.webm does not support",
    ),
    "a quality of a lossless encoder": (
        "ben.mp4 --onto ada.mp4 --encoder lossless --quality 60",
        2,
        "--quality has no effect",
    ),
    "an empty label": ("ben.mp4 --onto ada.mp4 --label=", 2, "--label"),
    "a long label": (f"ben.mp4 --onto ada.mp4 --label={300 * 'x'}", 2, "does not fit legibly"),
    "no such picture": ("ben.mp4 --onto ada.mp4 --guest-reference no.png", 2, "no.png does not"),
    "standard output": ("ben.mp4 --onto ada.mp4 --out - --project p", 2, "--out -"),
    "a folder": ("ben.mp4 --onto ada.mp4 --out .", 2, "--out ."),
    "the root": ("ben.mp4 --onto ada.mp4 --out /", 2, "--out /"),
    "a project in the output": (
        "ben.mp4 --onto ada.mp4 --out frames --project frames/p",
        2,
        "--project",
    ),
    "one picture": ("ben.png --onto ada.mp4", 2, "about 1 face of the person"),
    "too little time": (
        "ben.mp4 --onto ada.mp4 --minutes 0.2",
        2,
        "steps of smoke; give --minutes",
    ),
    "an output": ("ben.mp4 --onto ada.mp4 --out there.mp4", 2, "--force"),
    "a project": ("ben.mp4 --onto ada.mp4 --project .", 2, "is not a project"),
}


@pytest.mark.parametrize("case", REFUSALS)
@pytest.mark.long
def test_a_swap_is_refused_before_any_work(
    clips: Path, faceloom: Callable[..., tuple[int, str, str]], case: str,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for clip in clips.iterdir():
        Path(clip.name).symlink_to(clip)
    Path("copy.mp4").write_bytes(Path("ada.mp4").read_bytes())
    Path("there.mp4").touch()
    picture = next(read_frames(clips / "ben.mp4")).rgb
    cv2.imwrite("ben.png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    arguments, expected, message = REFUSALS[case]
    options = arguments.split() + ([] if "--out" in arguments else ["--out", "out.mp4"])
    code, _, error = faceloom("swap", *options)
    assert (code, message in error) == (expected, True), error
    assert not list(Path().glob("*.faceloom/faces/*"))
    if "people/" in message:
        assert len(list(Path("out.faceloom/people").glob("*-[12].png"))) == 2
