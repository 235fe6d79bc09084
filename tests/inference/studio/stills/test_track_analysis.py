"""Faces with the track numbers of a conversion, without reading the clip again for each still."""

from pathlib import Path

import numpy as np
import pytest

from faceloom.errors import UsageError
from faceloom.faces.face_finder import FaceFinder
from faceloom.studio.stills import StillEngine, StillRequest, track_analysis
from faceloom.studio.stills.clip_frames import ClipFrames
from faceloom.studio.stills.track_analysis import TrackAnalysis
from faceloom.swap import Section, SwapOptions
from faceloom.swap.pipeline.analysis import DETECT_EVERY
from faceloom.swap.preview.frame_lead_in import FRAME_LEAD_IN, find_in_frames
from faceloom.video import FrameRange, read_source


@pytest.fixture(autouse=True)
def short_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(track_analysis, "_INTERVAL", 2)


@pytest.mark.parametrize("max_states", [99, 2])
def test_faces_equal_those_of_a_clip_that_is_read_from_its_start(
    clip: Path, monkeypatch: pytest.MonkeyPatch, max_states: int
) -> None:
    monkeypatch.setattr(track_analysis, "_MAX_STATES", max_states)
    frames = ClipFrames(clip)
    analysis = TrackAnalysis(FaceFinder(detect_every=DETECT_EVERY))
    for index in (17, 4):
        read = find_in_frames(read_source(frames.info), frames.info, index)
        expected = [row for row in read if index - FRAME_LEAD_IN <= row[0].index <= index]
        chain = analysis.chain(frames, index)
        assert expected
        for frame, others in expected:
            faces = chain.faces_at(frames, frame.index)
            assert [face.track for face in faces] == [face.track for face in others] == [0]
            np.testing.assert_array_equal(faces[0].points_xy, others[0].points_xy)
            np.testing.assert_array_equal(
                faces[0].landmarks.points_xyz, others[0].landmarks.points_xyz
            )


def test_the_analysis_stops_in_time_and_continues(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    find = FaceFinder.find
    monkeypatch.setattr(FaceFinder, "find", lambda *each: read.append(1) or find(*each))
    frames, analysis = ClipFrames(clip), TrackAnalysis(FaceFinder(detect_every=DETECT_EVERY))
    assert [analysis.advance(frames, 17, 0) for _ in range(5)] == [3, 2, 1, 0, 0]
    assert len(read) == 4
    assert analysis.advance(frames, 16, 10) == 0
    analysis.chain(frames, 17).faces_at(frames, 17)
    assert len(read) == 4 + len(range(4, 22))
    with pytest.raises(UsageError, match="has no frame 99"):
        analysis.advance(frames, 99, 0)


def test_a_still_with_a_track_starts_with_the_frames_before(clip: Path, bundle: Path) -> None:
    engine, request = StillEngine(), StillRequest(clip, bundle, 17, SwapOptions(select="track:0"))
    steps = [engine.prepare(request, 0) for _ in range(5)]
    done = [(step.done, step.total) for step in steps if step]
    # Four frames before the lead-in, of which the last one is followed by its first.
    assert done == [(14, 17), (15, 17), (16, 17), (1, 13), (2, 13)]


@pytest.mark.parametrize(("frames", "total"), [(FrameRange(10, 17), 17), (FrameRange(0, 5), 13)])
def test_a_track_that_the_lead_in_selects_counts_from_the_first_frame(
    clip: Path, bundle: Path, frames: FrameRange, total: int
) -> None:
    section = Section(frames, SwapOptions(select="track:0"))
    progress = StillEngine().prepare(StillRequest(clip, bundle, 17, sections=(section,)), 0)
    assert progress is not None
    assert progress.total == total
