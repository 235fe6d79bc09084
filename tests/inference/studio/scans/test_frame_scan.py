"""A scan finds cuts and the faces of every frame, also in several parts."""

from itertools import islice
from pathlib import Path

import pytest
from tests.helpers.studio.clip import ALL_FRAMES, FACE_FRAMES

from faceloom.faces.face_finder import FaceFinder
from faceloom.studio.scans import frame_scan
from faceloom.studio.scans.frame_scan import FrameScan
from faceloom.swap.pipeline.analysis import DETECT_EVERY

SAMPLES = (1, 1, 1, 1, 1, 0, 0)


# Steps before the scan is stopped; the last number is that of both passes.
@pytest.mark.parametrize("steps", [0, 10, 22, ALL_FRAMES, ALL_FRAMES + 18, 2 * ALL_FRAMES])
def test_a_scan_continues_where_it_was_stopped(
    studio_clip: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(frame_scan, "_INTERVAL", 4)
    finder = FaceFinder(detect_every=DETECT_EVERY)
    scan = FrameScan(studio_clip, finder)
    assert len(list(islice(scan.steps(), steps))) == steps
    first = scan.result()
    assert (first.sampled, first.done) == (min(steps, ALL_FRAMES), max(0, steps - ALL_FRAMES))
    # Samples that exist keep their distance.
    monkeypatch.setattr(frame_scan, "_INTERVAL", 4 if steps == 0 else 9)
    continued = FrameScan(studio_clip, finder, first)
    assert continued.result() == first
    list(continued.steps())
    whole = continued.result()
    assert whole.is_complete
    assert (whole.cuts, whole.runs) == ((FACE_FRAMES,), ((0, 1), (FACE_FRAMES, 0)))
    assert (whole.samples, whole.sampled) == (SAMPLES, ALL_FRAMES)
