"""Alignment is steadied without lag, gaps are filled, cuts are noticed, people are told apart."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.clips import wave_images

from faceloom.array_types import float32
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY
from faceloom.faces.landmarks import Landmarks
from faceloom.faces.shot_detection import CutDetector
from faceloom.faces.temporal_smoothing import SMOOTHING_RADIUS, smooth_alignment
from faceloom.faceset.identity_clustering import cluster_embeddings, select_identity
from faceloom.video import read_frames

MESH = float32(np.random.default_rng(0).uniform(0, 100, (468, 3)))


def face(shift: float, track: int = 0) -> Face:
    return Face.from_landmarks(Landmarks(MESH + float32([shift, 0, 0]), 1.0), 1.0, track)


def steadied(faces: list[list[Face]], *, fill_gaps: bool = False) -> list[list[Face]]:
    frames = list(smooth_alignment(enumerate(faces), fill_gaps=fill_gaps))
    assert [number for number, _ in frames] == list(range(len(faces)))
    return [found for _, found in frames]


def lefts(faces: list[list[Face]]) -> np.ndarray:
    return np.array([f[0].points_xy[0, 0] for f in faces]) - face(0).points_xy[0, 0]


@pytest.mark.parametrize("count", [0, 1, 2, 5, 30])
@pytest.mark.parametrize("path", ["still", "steady", "speeding up"])
def test_a_clean_path_is_left_as_it_is(count: int, path: str) -> None:
    time = np.arange(count)
    shifts = {"still": 0 * time, "steady": 3.0 * time, "speeding up": 0.2 * time**2}[path]
    np.testing.assert_allclose(lefts(steadied([[face(s)] for s in shifts])), shifts, atol=0.02)


def test_jitter_is_halved() -> None:
    jitter = np.random.default_rng(1).normal(0, 1, 200)
    assert lefts(steadied([[face(s)] for s in jitter])).std() < 0.6 * jitter.std()


def test_the_mesh_itself_is_left_as_it_was_seen() -> None:
    faces = [[face(s)] for s in np.random.default_rng(1).normal(0, 1, 20)]
    for (before,), (after,) in zip(faces, steadied(faces), strict=True):
        np.testing.assert_array_equal(before.landmarks.points_xyz, after.landmarks.points_xyz)


def test_a_gap_is_filled_on_the_way_and_only_when_asked() -> None:
    faces = [[] if number in (10, 11, 12) else [face(2.0 * number)] for number in range(25)]
    assert [len(f) for f in steadied(faces)] == [len(f) for f in faces]
    filled = steadied(faces, fill_gaps=True)
    np.testing.assert_allclose(lefts(filled), 2.0 * np.arange(25), atol=0.1)


def test_neither_a_long_gap_nor_another_track_nor_an_end_is_filled() -> None:
    long = [[face(0)]] * 5 + [[]] * (2 * SMOOTHING_RADIUS + 1) + [[face(0)]] * 5
    assert [len(f) for f in steadied(long, fill_gaps=True)][7:11] == [0] * 4
    other = [[face(0)]] * 5 + [[]] + [[face(0, track=1)]] * 5
    assert [len(f) for f in steadied(other, fill_gaps=True)] == [len(f) for f in other]
    ends = [[], [face(0)], [face(0)], []]
    assert [len(f) for f in steadied(ends, fill_gaps=True)] == [0, 1, 1, 0]


def test_a_cut_is_noticed_and_a_moving_picture_is_none(sample: Path) -> None:
    cuts = CutDetector()
    begins = [
        frame.index
        for frame in read_frames(sample / "train_ada.mp4")
        if cuts.begins_shot(frame.rgb)
    ]
    # Eight shots of eighteen frames.
    assert begins == list(range(0, 144, 18))
    still = CutDetector()
    assert [still.begins_shot(wave_images(1)[0]) for _ in range(3)] == [True, False, False]


def test_following_finds_what_detecting_every_frame_finds(sample: Path) -> None:
    frames = [f.rgb for f in read_frames(sample / "target_ben.mp4")][:30]
    every, followed = (
        FaceFinder(detect_every=1).find(frames),
        FaceFinder(detect_every=10).find(frames),
    )
    for (a,), (b,) in zip(every, followed, strict=True):
        assert np.linalg.norm(a.points_xy - b.points_xy, axis=1).max() < 2
    assert {f[0].track for f in followed} == {0}


def test_a_face_is_found_again_after_a_cut_to_another_place(sample: Path) -> None:
    clips = [
        [f.rgb for f in read_frames(sample / f"target_{name}.mp4")][:4] for name in ("ada", "ben")
    ]
    found = FaceFinder(detect_every=100).find([*clips[0], *[p[:, ::-1].copy() for p in clips[1]]])
    assert [len(faces) for faces in found] == [1] * 8
    assert {f[0].track for f in found[:4]} != {f[0].track for f in found[4:]}


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_head_is_found_and_followed(sample: Path, quarters: int) -> None:
    frames = [f.rgb for f in read_frames(sample / "target_ada.mp4", every=2)][:8]
    upright = [faces[0].points_xy for faces in FaceFinder().find(frames)]
    turned = FaceFinder(detect_every=5).find([np.rot90(p, quarters).copy() for p in frames])
    side = frames[0].shape[0]
    for points, faces in zip(upright, turned, strict=True):
        expected = points
        for _ in range(quarters):
            expected = np.stack([expected[:, 1], side - 1 - expected[:, 0]], axis=1)
        assert np.linalg.norm(faces[0].points_xy - expected, axis=1).mean() < 3


def vectors(*rows: tuple[float, ...]) -> np.ndarray:
    """Unit vectors of 192 numbers with these first ones."""
    found = np.zeros((len(rows), 192))
    found[:, : len(rows[0])] = rows
    return float32(found / np.linalg.norm(found, axis=1, keepdims=True))


ADA, ALSO_ADA, BEN, NEITHER = (1, 0, 0), (0.9, 0.3, 0), (0, 1, 0), (0, 0, 1)


@pytest.mark.parametrize(
    ("rows", "counts", "expected"),
    [
        ([ADA, ALSO_ADA, BEN], [1, 1, 1], [0, 0, 1]),
        ([BEN, ADA, ALSO_ADA], [5, 1, 1], [0, 1, 1]),
        ([ADA], [3], [0]),
        ([ADA, BEN, NEITHER], [1, 2, 3], [2, 1, 0]),
    ],
)
def test_people_are_grouped_the_most_seen_first(rows, counts, expected) -> None:
    assert cluster_embeddings(vectors(*rows), np.array(counts), 0.5).tolist() == expected


@pytest.mark.parametrize("spread", [0.02, 0.06, 0.1])
def test_grouping_joins_the_nearest_two_until_none_are_alike(spread: float) -> None:
    """The chains find what looking at every two groups again and again finds."""
    random = np.random.default_rng(0)
    found = random.normal(size=(4, 192))[random.integers(0, 4, 40)] / 14 + random.normal(
        0, spread, (40, 192)
    )
    means, counts = vectors(*found), random.integers(1, 9, 40)
    cosines = means @ means.T
    groups = [[number] for number in range(40)]
    while len(groups) > 1:
        alike = [
            (np.average(cosines[np.ix_(a, b)], weights=np.outer(counts[a], counts[b])), a, b)
            for a, b in combinations(groups, 2)
        ]
        best, a, b = max(alike)
        if best < SAME_PERSON_SIMILARITY:
            break
        groups = [group for group in groups if group not in (a, b)] + [a + b]
    numbers = cluster_embeddings(means, counts, SAME_PERSON_SIMILARITY)
    assert {tuple(np.flatnonzero(numbers == n)) for n in np.unique(numbers)} == {
        tuple(sorted(g)) for g in groups
    }
    assert (np.diff([counts[numbers == n].sum() for n in np.unique(numbers)]) <= 0).all()


@pytest.mark.parametrize(
    ("options", "keep"),
    [
        ({}, [1, 1, 1, 0, 0, 0]),
        ({"reference": vectors(BEN)}, [0, 0, 0, 1, 1, 0]),
        ({"exclude": vectors(ADA)}, [0, 0, 0, 1, 1, 0]),
        ({"reference": vectors(ADA), "exclude": vectors(ALSO_ADA)}, [1, 1, 0, 0, 0, 0]),
        ({"reference": vectors((0, 0, 0, 1))}, [0, 0, 0, 0, 0, 0]),
    ],
)
def test_one_person_is_chosen_by_tracks(options, keep) -> None:
    embeddings = vectors(ADA, ADA, ALSO_ADA, BEN, BEN, NEITHER)
    choice = select_identity(embeddings, np.array([0, 0, 1, 2, 2, 3]), **options)
    assert choice.keep.tolist() == [bool(k) for k in keep]
    assert choice.people == 3


def test_a_strange_face_within_a_track_is_left_out_and_nobody_is_nobody() -> None:
    embeddings = vectors(*[ADA] * 9, NEITHER)
    assert select_identity(embeddings, np.zeros(10, np.int64)).keep.tolist() == [True] * 9 + [False]
    assert select_identity(embeddings[:0], np.zeros(0, np.int64)).people == 0
