"""A source that is the very person in the target is warned of, once."""

import logging
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.bundles import make_bundle

from faceloom.faces.face_finder import FaceFinder
from faceloom.faces.face_recognition import MobileFaceNet
from faceloom.swap.bundle.bundle import Bundle
from faceloom.swap.pipeline.selected_frame import SelectedFrame
from faceloom.swap.pipeline.source_likeness import LikenessCheck, SourceAppearance
from faceloom.swap.selection.face_selector import FaceSelection
from faceloom.video import read_frames


@pytest.mark.parametrize(
    ("same", "frames", "warnings"), [(True, 1, 1), (True, 16, 1), (False, 16, 0), (None, 16, 0)]
)
def test_likeness_is_warned_of_once(
    sample: Path,
    caplog: pytest.LogCaptureFixture,
    same: bool | None,
    frames: int,
    warnings: int,
) -> None:
    frame = next(iter(read_frames(sample / "target_ada.mp4")))
    (face, *_), *_ = FaceFinder().find([frame.rgb])
    (center,) = MobileFaceNet().embed([frame.rgb], [face.points_xy])
    source = None if same is None else SourceAppearance("ada", center if same else -center)
    selected = [SelectedFrame(frame, FaceSelection(0, 0, ((face, 0),), (), False))] * frames
    with caplog.at_level(logging.WARNING):
        passed = list(LikenessCheck([source], Path("clip.mp4")).watch(selected))
    assert passed == selected
    assert [record.levelname for record in caplog.records] == ["WARNING"] * warnings
    assert all("clip.mp4 looks like ada" in record.message for record in caplog.records)


def test_a_bundle_shows_its_person_in_the_golden_sample(tmp_path: Path) -> None:
    appearance = SourceAppearance.from_bundle(Bundle.read(make_bundle(tmp_path / "ben.bundle")))
    assert appearance is not None
    assert np.linalg.norm(appearance.center) == pytest.approx(1, abs=1e-5)
