"""The visible label: in every frame, in its corner, and nothing else is changed."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images

from faceloom.choices import LabelPosition
from faceloom.errors import UsageError
from faceloom.progress import run_to_completion
from faceloom.provenance import VisibleLabel
from faceloom.swap import ConvertOptions, convert
from faceloom.video import read_frames


@pytest.mark.parametrize("position", ["top-left", "top-right", "bottom-left", "bottom-right"])
@pytest.mark.parametrize(("height", "width"), [(360, 640), (1080, 1920), (640, 360)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_label_is_legible_in_its_corner_on_any_background(
    position: str, height: int, width: int, level: int
) -> None:
    image = np.full((height, width, 3), level, np.uint8)
    left, top, right, bottom = VisibleLabel("AI: Größe", position).draw(image)
    assert (left < width / 2, top < height / 2) == (
        position.endswith("left"),
        position.startswith("top"),
    )
    assert min(left, width - right) >= round(0.05 * width)
    assert min(top, height - bottom) >= round(0.05 * height)
    assert abs((bottom - top) - 1.95 * 0.04 * height) <= 3
    inside = image[top:bottom, left:right].copy()
    image[top:bottom, left:right] = level
    assert (image == level).all()
    # White letters on a mostly opaque background.
    assert inside.max() == 255
    assert np.median(inside) <= 0.3 * 255
    assert 0.02 < (inside > 200).mean() < 0.5


def test_long_text_shrinks_and_too_long_text_is_refused() -> None:
    image = np.zeros((360, 640, 3), np.uint8)
    left, _, right, _ = VisibleLabel("a long text " * 6).draw(image)
    assert right - left <= 0.9 * 640
    with pytest.raises(UsageError, match="does not fit legibly in a frame of 640x360"):
        VisibleLabel("a long text " * 20).draw(image)


@pytest.mark.parametrize(
    "label", [VisibleLabel(""), VisibleLabel("  "), VisibleLabel("two\nlines")]
)
def test_invalid_label_is_refused(label: VisibleLabel) -> None:
    with pytest.raises(UsageError):
        label.check()


def test_every_frame_has_the_label_and_no_other_change(tmp_path: Path, sample: Path) -> None:
    """The label is upright in a rotated video, in frames with and without a face."""
    face = next(read_frames(sample / "target_ada.mp4")).rgb
    images = [face, *wave_images(2, *face.shape[:2])]
    rotated = [np.ascontiguousarray(np.rot90(image, -1)) for image in images]
    clip = make_clip(tmp_path / "clip.mp4", rotated, rotation=90)
    bundle = make_bundle(tmp_path / "ben.bundle")
    label = VisibleLabel("AI: face replaced", "top-right")
    options = ConvertOptions()
    run_to_completion(convert(clip, bundle, tmp_path / "plain", options))
    run_to_completion(convert(clip, bundle, tmp_path / "labeled", replace(options, label=label)))
    left, top, right, bottom = label.draw(face.copy())
    files = sorted((tmp_path / "labeled").iterdir())
    assert len(files) == 3
    for file in files:
        labeled, plain = cv2.imread(str(file)), cv2.imread(str(tmp_path / "plain" / file.name))
        assert (labeled[top:bottom, left:right] == 255).any()
        labeled[top:bottom, left:right] = plain[top:bottom, left:right] = 0
        assert np.array_equal(labeled, plain)


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("eu", None, VisibleLabel("AI MODIFIED", "top-right")),
        ("eu", "top-left", VisibleLabel("AI MODIFIED", "top-left")),
        ("AI: face replaced", None, VisibleLabel("AI: face replaced", "bottom-left")),
        ("EU", "bottom-right", VisibleLabel("EU", "bottom-right")),
    ],
)
def test_eu_names_a_text_and_a_corner(
    text: str, position: LabelPosition | None, expected: VisibleLabel
) -> None:
    assert VisibleLabel.parse(text, position) == expected
