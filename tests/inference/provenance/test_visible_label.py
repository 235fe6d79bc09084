"""The label that people see: in every frame, in its corner, and nothing else is changed."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images

from faceloom.errors import UsageError
from faceloom.progress import run_to_completion
from faceloom.provenance import VisibleLabel
from faceloom.swap import ConvertOptions, convert
from faceloom.video import read_frames


@pytest.mark.parametrize("position", ["top-left", "top-right", "bottom-left", "bottom-right"])
@pytest.mark.parametrize(("height", "width"), [(360, 640), (1080, 1920), (640, 360)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_it_can_be_read_in_its_corner_on_bright_and_dark(
    position: str, height: int, width: int, level: int
) -> None:
    picture = np.full((height, width, 3), level, np.uint8)
    left, top, right, bottom = VisibleLabel("AI: Größe", position).draw(picture)
    assert (left < width / 2, top < height / 2) == (
        position.endswith("left"),
        position.startswith("top"),
    )
    assert min(left, width - right) >= round(0.05 * width)
    assert min(top, height - bottom) >= round(0.05 * height)
    assert abs((bottom - top) - 1.95 * 0.04 * height) <= 3
    inside = picture[top:bottom, left:right].copy()
    picture[top:bottom, left:right] = level
    assert (picture == level).all()
    # White letters on what lets little through.
    assert inside.max() == 255
    assert np.median(inside) <= 0.3 * 255
    assert 0.02 < (inside > 200).mean() < 0.5


def test_a_long_text_shrinks_and_one_too_long_is_refused() -> None:
    picture = np.zeros((360, 640, 3), np.uint8)
    left, _, right, _ = VisibleLabel("a long text " * 6).draw(picture)
    assert right - left <= 0.9 * 640
    with pytest.raises(UsageError, match="cannot be read in a picture of 640x360"):
        VisibleLabel("a long text " * 20).draw(picture)


@pytest.mark.parametrize(
    "label", [VisibleLabel(""), VisibleLabel("  "), VisibleLabel("two\nlines")]
)
def test_what_is_no_label_is_refused(label: VisibleLabel) -> None:
    with pytest.raises(UsageError):
        label.check()


def test_every_frame_has_it_and_nothing_else_is_changed(tmp_path: Path, sample: Path) -> None:
    """Upright as players show it, with a face and without."""
    face = next(read_frames(sample / "target_ada.mp4")).rgb
    pictures = [face, *wave_images(2, *face.shape[:2])]
    turned = [np.ascontiguousarray(np.rot90(one, -1)) for one in pictures]
    clip = make_clip(tmp_path / "clip.mp4", turned, rotation=90)
    bundle, label = (
        make_bundle(tmp_path / "ben.bundle"),
        VisibleLabel("AI: face replaced", "top-right"),
    )
    options = ConvertOptions()
    run_to_completion(convert(clip, bundle, tmp_path / "plain", options))
    run_to_completion(convert(clip, bundle, tmp_path / "labeled", replace(options, label=label)))
    left, top, right, bottom = label.draw(face.copy())
    files = sorted((tmp_path / "labeled").iterdir())
    assert len(files) == 3
    for file in files:
        ours, plain = cv2.imread(str(file)), cv2.imread(str(tmp_path / "plain" / file.name))
        assert (ours[top:bottom, left:right] == 255).any()
        ours[top:bottom, left:right] = plain[top:bottom, left:right] = 0
        assert np.array_equal(ours, plain)
