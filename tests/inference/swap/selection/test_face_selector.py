"""Which faces are selected: the largest without jumping, people of pictures, their own bundles."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.synthetic_faces import made_face

from faceloom.array_types import float32
from faceloom.errors import UsageError
from faceloom.faces.face_finder import Face
from faceloom.faces.face_recognition import MobileFaceNet
from faceloom.swap.options import Section, SwapOptions
from faceloom.swap.selection import recognition
from faceloom.swap.selection.face_selector import FaceSelector
from faceloom.swap.selection.recognition import ReferenceSet
from faceloom.swap.selection.track_state import TrackState
from faceloom.video import Frame, FrameRange

FRAME = Frame(0, 0, 1, Fraction(1), np.zeros((8, 8, 3), np.uint8))
EVERYBODY = ReferenceSet(np.zeros((0, 192), np.float32), (), np.zeros((0, 192), np.float32), 0.45)


def select(
    frames: list[list[Face]], option: str | None = None, people: ReferenceSet = EVERYBODY
) -> list[list[tuple[int, int]]]:
    """Return the track and the source of each selected face, frame by frame."""
    selector = FaceSelector(SwapOptions(select=option), people)
    return [
        [(face.track, source) for face, source in selector.select(FRAME, faces).faces]
        for faces in frames
    ]


def sizes(*values: float) -> list[Face]:
    """Return a frame's faces; a size of 0 means that the face is missing."""
    return [made_face(track, size) for track, size in enumerate(values) if size]


# Frames as the sizes of track 0, 1, ..., and the track that is selected in each.
LARGEST = {
    "nearly the same size": ([sizes(100, 99 + 4 * (n % 2)) for n in range(30)], [0] * 30),
    "clearly larger for long enough": (
        [sizes(100, 90), *[sizes(100, 130)] * 20],
        [0] * 13 + [1] * 8,
    ),
    "clearly larger for a short time": (
        [sizes(100, 90), *[sizes(100, 130)] * 8, *[sizes(100, 90)] * 8],
        [0] * 17,
    ),
    "a false detection in one frame": ([sizes(100), sizes(100, 240), sizes(100)], [0] * 3),
    "lost for a few frames beside another face": (
        [sizes(100, 90), *[sizes(0, 90)] * 3, sizes(100, 90)],
        [0, None, None, None, 0],
    ),
    "lost for good": ([sizes(100, 90), *[sizes(0, 90)] * 14], [0] + [None] * 12 + [1] * 2),
    "a cut to other people": ([sizes(100, 90), sizes(0, 0, 50, 60)], [0, 3]),
    "no face in the first frame": ([[], sizes(100)], [None, 0]),
}


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_face_does_not_jump(name: str) -> None:
    frames, expected = LARGEST[name]
    found = select(frames)
    assert [rows[0][0] if rows else None for rows in found] == expected


@pytest.mark.parametrize(
    ("option", "expected"), [("all", [0, 1]), ("track:1", [1]), ("track:7", [])]
)
def test_select_option(option: str, expected: list[int]) -> None:
    assert [track for track, _ in select([sizes(100, 90)], option)[0]] == expected


@pytest.mark.parametrize("option", ["smallest", "track:", "track:x", "track:-1"])
def test_an_invalid_select_option_is_refused(option: str) -> None:
    with pytest.raises(UsageError, match="choose largest, all or track:N"):
        select([], option)


def test_an_empty_select_option_is_the_default() -> None:
    assert select([[]], "") == [[]]


class FakeNetwork(MobileFaceNet):
    """Recognizes people by their position, 1000 pixels apart; counts its calls and instances."""

    calls = 0
    instances = 0

    def __init__(self) -> None:
        FakeNetwork.instances += 1

    def embed(self, pictures: list, points_xy: list) -> np.ndarray:
        FakeNetwork.calls += len(pictures)
        return np.stack([person(round(float(points[:, 0].mean()) / 1000)) for points in points_xy])


def person(number: int, similarity: float = 1.0) -> np.ndarray:
    """Return a unit vector with that cosine to the person's own."""
    vector = np.zeros(192, np.float32)
    vector[number], vector[191] = similarity, np.sqrt(1 - similarity**2)
    return vector


def people(
    embeddings: list[np.ndarray],
    sources: tuple[int, ...] = (),
    exclude: list[np.ndarray] | None = None,
) -> ReferenceSet:
    rows = [float32(vectors).reshape(-1, 192) for vectors in (embeddings, exclude or [])]
    return ReferenceSet(rows[0], sources or (0,) * len(embeddings), rows[1], 0.45)


# The references, the option, and which of persons 0, 1, 2 are selected with which source.
CASES = {
    "one reference": (people([person(1)]), None, [(1, 0)]),
    "a poor reference": (people([person(1, 0.5)]), None, [(1, 0)]),
    "too poor a reference": (people([person(1, 0.4)]), None, []),
    "the largest of two references": (people([person(0), person(2)]), "largest", [(2, 0)]),
    "a map": (people([person(2), person(0)], (0, 1)), None, [(0, 1), (2, 0)]),
    "two pictures for one bundle": (
        people([person(2), person(0), person(1)], (1, 0, 1)),
        None,
        [(0, 0), (1, 1), (2, 1)],
    ),
    "all but one": (people([], exclude=[person(1)]), "all", [(0, 0), (2, 0)]),
    "the largest but one": (people([], exclude=[person(2)]), None, [(1, 0)]),
    "referenced and excluded": (people([person(1, 0.6)], exclude=[person(1)]), None, []),
}


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> type[FakeNetwork]:
    monkeypatch.setattr(recognition, "MobileFaceNet", FakeNetwork)
    FakeNetwork.calls = FakeNetwork.instances = 0
    return FakeNetwork


@pytest.mark.parametrize("name", CASES)
def test_people_of_the_references_are_selected(network: type[FakeNetwork], name: str) -> None:
    references, option, expected = CASES[name]
    frame = [made_face(number, 100 + 10 * number, left=1000 * number) for number in range(3)]
    assert [sorted(row) for row in select([frame] * 3, option, references)] == [expected] * 3


def test_a_track_is_embedded_at_its_start_and_once_a_second(network: type[FakeNetwork]) -> None:
    select([[made_face(0)]] * 100, None, people([person(0)]))
    assert network.calls == 3 + 3


def test_a_face_that_was_covered_at_first_is_recognized_soon(
    network: type[FakeNetwork], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hand covers it in its first three frames. Another person costs no more calls than usual."""
    similarity = iter([0.4, 0.4, 0.4, 0.9])
    monkeypatch.setattr(network, "embed", lambda *_: person(0, next(similarity))[None])
    found = select([[made_face(0)]] * 12, None, people([person(0)]))
    assert [bool(row) for row in found] == [False] * 5 + [True] * 7
    monkeypatch.undo()
    monkeypatch.setattr(recognition, "MobileFaceNet", FakeNetwork)
    network.calls = 0
    select([[made_face(0)]] * 100, None, people([person(1)]))
    assert network.calls == 3 + 3


def test_a_recognized_face_does_not_flicker_at_the_threshold(
    network: type[FakeNetwork],
) -> None:
    recognizer = recognition.FaceRecognizer(people([person(0)]), TrackState(), None)
    assert (
        recognizer._decide(person(0, 0.4), previous=recognition.NO_SOURCE) == recognition.NO_SOURCE
    )
    assert recognizer._decide(person(0, 0.4), previous=0) == 0
    assert recognizer._decide(person(0, 0.3), previous=0) == recognition.NO_SOURCE


def test_sections_with_other_people_share_a_network(network: type[FakeNetwork]) -> None:
    options = SwapOptions(reference=(Path("b.png"),))
    section = Section(FrameRange(0, 8), options)
    selector = FaceSelector(SwapOptions(), EVERYBODY, sections=[(section, EVERYBODY)])
    assert network.instances == 0
    sections = [(section, people([person(1)]))]
    selector = FaceSelector(
        SwapOptions(reference=(Path("a.png"),)), people([person(0)]), sections=sections
    )
    assert network.instances == 1
    assert selector.select(FRAME, sizes(100)).faces == ()


def test_without_references_no_face_is_embedded(network: type[FakeNetwork]) -> None:
    assert select([sizes(100)] * 5) == [[(0, 0)]] * 5
    assert network.calls == 0


def test_the_track_number_is_parsed() -> None:
    assert SwapOptions(select="track:12", reference=(Path("a.jpg"),)).track == 12


@pytest.mark.parametrize(
    ("frames", "others"),
    [
        ([sizes(100)] * 9, 0),
        ([sizes(100, 90)], 1),
        ([sizes(100, 90, 80)] * 9, 2),
        ([*[sizes(100, 90)] * 9, sizes(100, 90, 80)], 1),
        ([sizes(100), *[sizes(100, 90)] * 2, *[sizes(100)] * 9], 0),
        ([[]] * 9, 0),
    ],
)
def test_faces_that_are_left_alone_are_counted(frames: list[list[Face]], others: int) -> None:
    selector = FaceSelector(SwapOptions(), EVERYBODY)
    for faces in frames:
        selector.select(FRAME, faces)
    assert selector.other_faces == others


# Options of the frames from 5 to 9, and the tracks that are selected at frames 4 to 13 where track
# 0 of size 100 becomes track 1 of size 90 at frame 5.
ENTERED = {
    "who is swapped is the same": (SwapOptions(erode=0.1), [[0], *[[]] * 9]),
    "all faces": (SwapOptions(select="all"), [[0], *[[1]] * 9]),
    "no face": (None, [[0], *[[]] * 5, *[[1]] * 4]),
    "another person of a number": (SwapOptions(select="track:1"), [[0], *[[1]] * 9]),
}


@pytest.mark.parametrize("name", ENTERED)
def test_the_largest_face_is_chosen_anew_where_others_are_swapped(name: str) -> None:
    options, expected = ENTERED[name]
    frames = FrameRange(5, 10)
    section = Section(frames, options or SwapOptions(), swap=options is not None)
    selector = FaceSelector(SwapOptions(), EVERYBODY, sections=[(section, EVERYBODY)])
    found = []
    for index in range(14):
        faces = sizes(100, 90) if index < 5 else sizes(0, 90)
        selection = selector.select(replace(FRAME, index=index), faces)
        found.append([face.track for face, _ in selection.faces])
        # Without swapped faces none is lost, and none is left alone by accident.
        assert options or index not in range(5, 10) or not selection.lost
    assert found[4:] == expected


def test_faces_of_a_section_that_swaps_none_are_not_counted_as_left_alone() -> None:
    section = Section(FrameRange(0, 8), SwapOptions(), swap=False)
    selector = FaceSelector(SwapOptions(), EVERYBODY, sections=[(section, EVERYBODY)])
    for index in range(8):
        selector.select(replace(FRAME, index=index), sizes(100, 90))
    assert selector.other_faces == 0
