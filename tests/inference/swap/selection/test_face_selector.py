"""Who is swapped: no jumping between two faces, the people on the pictures, and their own bundles."""

from pathlib import Path

import numpy as np
import pytest
from tests.helpers.synthetic_faces import made_face

from faceloom.array_types import float32
from faceloom.errors import UsageError
from faceloom.faces.face_finder import Face
from faceloom.swap.options import SwapOptions
from faceloom.swap.selection import recognition as recognze
from faceloom.swap.selection.face_selector import Chooser
from faceloom.swap.selection.recognition import People
from faceloom.swap.selection.track_state import Notes

PICTURE = np.zeros((8, 8, 3), np.uint8)
EVERYBODY = People(np.zeros((0, 192), np.float32), (), np.zeros((0, 192), np.float32), 0.45)


def chosen(
    frames: list[list[Face]], select: str | None = None, people: People = EVERYBODY
) -> list[list]:
    chooser = Chooser(SwapOptions(select=select), people, Notes())
    return [
        [(face.track, source) for face, source in chooser.choose(PICTURE, faces)]
        for faces in frames
    ]


def sizes(*values: float) -> list[Face]:
    """A frame of faces; a size of 0 is a face that is not seen."""
    return [made_face(track, size) for track, size in enumerate(values) if size]


# Frames as the sizes of track 0, 1, ..., and the track that is chosen in each.
LARGEST = {
    "nearly the same size": ([sizes(100, 99 + 4 * (n % 2)) for n in range(30)], [0] * 30),
    "clearly larger, for long": ([sizes(100, 90), *[sizes(100, 130)] * 20], [0] * 13 + [1] * 8),
    "clearly larger, but not for long": (
        [sizes(100, 90), *[sizes(100, 130)] * 8, *[sizes(100, 90)] * 8],
        [0] * 17,
    ),
    "a ghost of one frame": ([sizes(100), sizes(100, 240), sizes(100)], [0] * 3),
    "lost for a moment beside another": (
        [sizes(100, 90), *[sizes(0, 90)] * 3, sizes(100, 90)],
        [0, None, None, None, 0],
    ),
    "gone for good": ([sizes(100, 90), *[sizes(0, 90)] * 14], [0] + [None] * 12 + [1] * 2),
    "a cut to others": ([sizes(100, 90), sizes(0, 0, 50, 60)], [0, 3]),
    "nobody first": ([[], sizes(100)], [None, 0]),
}


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_face_does_not_jump(name: str) -> None:
    frames, expected = LARGEST[name]
    found = chosen(frames)
    assert [rows[0][0] if rows else None for rows in found] == expected


@pytest.mark.parametrize(
    ("select", "expected"), [("all", [0, 1]), ("track:1", [1]), ("track:7", [])]
)
def test_selections(select: str, expected: list[int]) -> None:
    assert [track for track, _ in chosen([sizes(100, 90)], select)[0]] == expected


@pytest.mark.parametrize("select", ["smallest", "track:", "track:x", "track:-1", ""])
def test_no_selection(select: str) -> None:
    if select:
        with pytest.raises(UsageError, match="choose largest, all or track:N"):
            chosen([], select)
    else:
        assert chosen([[]], select) == [[]]


class FakeNetwork:
    """Knows people by where they stand, 1000 pixels apart; counts its looks."""

    looks = 0

    def embed(self, pictures: list, points_xy: list) -> np.ndarray:
        FakeNetwork.looks += len(pictures)
        return np.stack([person(round(float(points[:, 0].mean()) / 1000)) for points in points_xy])


def person(number: int, likeness: float = 1.0) -> np.ndarray:
    """Return a unit vector with that cosine to the person's own."""
    vector = np.zeros(192, np.float32)
    vector[number], vector[191] = likeness, np.sqrt(1 - likeness**2)
    return vector


def people(
    wanted: list[np.ndarray], wears: tuple[int, ...] = (), exclude: list[np.ndarray] | None = None
) -> People:
    rows = [float32(vectors).reshape(-1, 192) for vectors in (wanted, exclude or [])]
    return People(rows[0], wears or (0,) * len(wanted), rows[1], 0.45)


# Who is wanted, by which options; and of persons 0, 1, 2 those that are swapped, each with its source.
WHO = {
    "one reference": (people([person(1)]), None, [(1, 0)]),
    "a poor reference": (people([person(1, 0.5)]), None, [(1, 0)]),
    "too poor a reference": (people([person(1, 0.4)]), None, []),
    "the largest of two wanted": (people([person(0), person(2)]), "largest", [(2, 0)]),
    "a map": (people([person(2), person(0)], (0, 1)), None, [(0, 1), (2, 0)]),
    "two pictures for one bundle": (
        people([person(2), person(0), person(1)], (1, 0, 1)),
        None,
        [(0, 0), (1, 1), (2, 1)],
    ),
    "all but one": (people([], exclude=[person(1)]), "all", [(0, 0), (2, 0)]),
    "the largest but one": (people([], exclude=[person(2)]), None, [(1, 0)]),
    "wanted and excluded": (people([person(1, 0.6)], exclude=[person(1)]), None, []),
}


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> type[FakeNetwork]:
    monkeypatch.setattr(recognze, "MobileFaceNet", FakeNetwork)
    FakeNetwork.looks = 0
    return FakeNetwork


@pytest.mark.parametrize("name", WHO)
def test_who_is_recognzed(network: type[FakeNetwork], name: str) -> None:
    wanted, select, expected = WHO[name]
    frame = [made_face(number, 100 + 10 * number, left=1000 * number) for number in range(3)]
    assert [sorted(row) for row in chosen([frame] * 3, select, wanted)] == [expected] * 3


def test_a_track_is_looked_at_now_and_then(network: type[FakeNetwork]) -> None:
    chosen([[made_face(0)]] * 100, None, people([person(0)]))
    assert network.looks == 3 + 3


def test_a_face_that_was_hidden_at_first_is_soon_recognzed(
    network: type[FakeNetwork], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hand is before it in its first three frames; somebody else is not looked at more often for that."""
    likeness = iter([0.4, 0.4, 0.4, 0.9])
    monkeypatch.setattr(network, "embed", lambda *_: person(0, next(likeness))[None])
    found = chosen([[made_face(0)]] * 12, None, people([person(0)]))
    assert [bool(row) for row in found] == [False] * 5 + [True] * 7
    monkeypatch.undo()
    monkeypatch.setattr(recognze, "MobileFaceNet", FakeNetwork)
    network.looks = 0
    chosen([[made_face(0)]] * 100, None, people([person(1)]))
    assert network.looks == 3 + 3


def test_who_was_recognzed_does_not_come_and_go_at_the_threshold(
    network: type[FakeNetwork],
) -> None:
    chooser = recognze.Recognzer(people([person(0)]), Notes())
    assert chooser._decide(person(0, 0.4), before=recognze.NOBODY) == recognze.NOBODY
    assert chooser._decide(person(0, 0.4), before=0) == 0
    assert chooser._decide(person(0, 0.3), before=0) == recognze.NOBODY


def test_everybody_costs_no_look(network: type[FakeNetwork]) -> None:
    assert chosen([sizes(100)] * 5) == [[(0, 0)]] * 5
    assert network.looks == 0


def test_a_track_number_of_a_picture() -> None:
    assert SwapOptions(select="track:12", reference=(Path("a.jpg"),)).track == 12
