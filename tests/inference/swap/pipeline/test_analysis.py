"""Detecting ahead of the tracking gives the same faces and the same states."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from fractions import Fraction
from threading import current_thread
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloom.array_types import Rgb
from faceloom.errors import MediaUnreadable
from faceloom.faces.face_finder import FaceFinder
from faceloom.faces.retinaface import RetinaFace
from faceloom.swap import ConvertOptions
from faceloom.swap.pipeline import analysis
from faceloom.swap.pipeline.analysis import Analysis, AnalysisState, SegmentGrid, detects_ahead
from faceloom.swap.selection.face_selector import FaceSelection, FaceSelector
from faceloom.swap.selection.recognition import ReferenceSet
from faceloom.swap.selection.track_state import TrackState
from faceloom.video import Frame

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

GRID = SegmentGrid(0, 12)
NOBODY = np.zeros((0, 192), np.float32)
EVERYBODY = ReferenceSet(NOBODY, (), NOBODY, 0.45)


@pytest.fixture(scope="module")
def frames(pictures: list[Rgb]) -> list[Frame]:
    return [Frame(index, index, 1, Fraction(1, 25), rgb) for index, rgb in enumerate(pictures)]


def select(
    frames: Iterator[Frame], *, ahead: bool, state: AnalysisState | None = None
) -> tuple[list[FaceSelection], list[AnalysisState]]:
    """Return the selection of each frame, and the state after each segment."""
    restored = TrackState.from_arrays(state.selector) if state else None
    selector = FaceSelector(ConvertOptions(), EVERYBODY, restored)
    finder = FaceFinder(detect_every=5, threads=1)
    work = Analysis(finder, selector, GRID, batch_size=5, ahead=ahead)
    selections, states = [], []
    for selected in work.run(frames, state):
        selections.append(selected.selection)
        if GRID.remaining(selected.frame.index) == 1:
            after = work.pop_state(selected.frame.index + 1)
            assert after, "the segment is complete"
            states.append(after)
    return selections, states


def assert_equal(
    found: "Sequence[DataclassInstance]", expected: "Sequence[DataclassInstance]"
) -> None:
    np.testing.assert_equal(*[[asdict(each) for each in rows] for rows in (found, expected)])


def test_detecting_ahead_changes_nothing(frames: list[Frame]) -> None:
    expected, found = (select(iter(frames), ahead=ahead) for ahead in (False, True))
    assert_equal(found[0], expected[0])
    assert_equal(found[1], expected[1])
    assert len(expected[1]) == len(frames) // GRID.length


def test_an_analysis_continues_from_a_state_that_was_detected_ahead(frames: list[Frame]) -> None:
    expected, states = select(iter(frames), ahead=True)
    continued, _ = select(iter(frames[24:]), ahead=True, state=states[1])
    assert_equal(continued, expected[24:])


@pytest.mark.parametrize("ahead", [False, True])
def test_the_detector_has_a_thread_of_its_own_only_ahead(
    frames: list[Frame], monkeypatch: pytest.MonkeyPatch, ahead: bool
) -> None:
    threads, detect = set(), RetinaFace.detect

    def note(detector: RetinaFace, shown: list[Rgb]) -> object:
        if len(shown):
            threads.add(current_thread())
        return detect(detector, shown)

    monkeypatch.setattr(RetinaFace, "detect", note)
    select(iter(frames[:15]), ahead=ahead)
    assert (threads != {current_thread()}) == ahead


def test_an_unreadable_frame_is_reported_after_those_before_it(frames: list[Frame]) -> None:
    def unreadable() -> Iterator[Frame]:
        yield from frames[:10]
        raise MediaUnreadable("damaged")

    selected = []
    work = Analysis(
        FaceFinder(detect_every=5, threads=1),
        FaceSelector(ConvertOptions(), EVERYBODY),
        GRID,
        batch_size=5,
        ahead=True,
    ).run(unreadable())
    with pytest.raises(MediaUnreadable, match="damaged"):
        selected.extend(work)
    # Smoothing over time waits for four more frames.
    assert [each.frame.index for each in selected] == list(range(6))


@pytest.mark.parametrize(("cores", "expected"), [(1, False), (2, False), (4, True), (64, True)])
def test_few_cores_do_not_detect_ahead(
    monkeypatch: pytest.MonkeyPatch, cores: int, expected: bool
) -> None:
    monkeypatch.setattr(analysis, "available_cores", lambda: cores)
    assert detects_ahead() == expected


def test_a_detector_that_takes_one_call_at_a_time_does_not_run_ahead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(analysis, "available_cores", lambda: 64)
    assert [detects_ahead(provider) for provider in ("cuda", "directml")] == [True, False]
