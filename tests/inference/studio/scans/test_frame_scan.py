"""A scan finds cuts and the faces of every frame, also in several parts."""

from itertools import islice
from pathlib import Path

import pytest
from tests.helpers.studio.clip import ALL_FRAMES, FACE_FRAMES

from faceloom.faces.face_finder import FaceFinder
from faceloom.studio.scans.clip_scan import ClipScan
from faceloom.studio.scans.frame_scan import FrameScan
from faceloom.swap.pipeline.analysis import DETECT_EVERY


@pytest.mark.parametrize("steps", [0, 10, FACE_FRAMES, 22, ALL_FRAMES])
def test_a_scan_continues_where_it_was_stopped(studio_clip: Path, steps: int) -> None:
    finder = FaceFinder(detect_every=DETECT_EVERY)
    scan = FrameScan(studio_clip, finder)
    assert len(list(islice(scan.steps(), steps))) == steps
    first = scan.result()
    assert first.done == steps
    continued = FrameScan(studio_clip, finder, first)
    assert continued.result() == first
    list(continued.steps())
    whole = continued.result()
    assert whole.is_complete
    assert (whole.cuts, whole.runs) == ((FACE_FRAMES,), ((0, 1), (FACE_FRAMES, 0)))


def test_the_scan_of_a_replaced_file_is_not_continued(studio_clip: Path) -> None:
    other = ClipScan(signature="another file", frames=100, done=50, runs=((0, 2),), cuts=(40,))
    scan = FrameScan(studio_clip, FaceFinder(detect_every=DETECT_EVERY), other)
    assert (scan.result().done, scan.result().runs, scan.result().cuts) == (0, (), ())
