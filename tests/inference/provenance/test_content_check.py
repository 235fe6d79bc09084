"""The content check: findings in two consecutively checked frames refuse the target."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.bundles import make_bundle

from faceloom.errors import ContentRefused
from faceloom.progress import run_to_completion
from faceloom.provenance import (
    ContentCheck,
    content_check,
    content_check_available,
    load_nudity_detector,
)
from faceloom.swap import ConvertOptions, convert
from faceloom.video import Frame, FrameRange, VideoInfo, probe_source, read_frames

# Frames per second.
RATE = 10
REFUSED_CLASS = "FEMALE_BREAST_EXPOSED"
ALLOWED_CLASS = "FACE_FEMALE"


class FakeDetector:
    """Detects what the first byte encodes: the score in hundredths; even ones are refused."""

    def __init__(self) -> None:
        self.calls = 0

    def detect(self, image_path: Any) -> list[dict[str, Any]]:
        self.calls += 1
        level = int(image_path[0, 0, 0])
        return (
            [
                {
                    "class": ALLOWED_CLASS if level % 2 else REFUSED_CLASS,
                    "score": level / 100,
                    "box": [0, 0, 1, 1],
                }
            ]
            if level
            else []
        )


def make_frames(levels: list[int]) -> Iterator[Frame]:
    for index, level in enumerate(levels):
        yield Frame(index, index, 1, Fraction(1, RATE), np.full((8, 8, 3), level, np.uint8))


def video_info(kind: str = "video") -> VideoInfo:
    info = probe_source(
        Path(str(content_check.__file__)).parents[1] / "demo" / "sample" / "target_ada.mp4"
    )
    return replace(info, average_rate=Fraction(RATE), kind=kind)


@pytest.mark.parametrize(
    ("levels", "refused_at"),
    [
        ([0] * 30, None),
        # One check per second: frames 0, 10 and 20.
        ([90] * 30, "0.0 s female breast exposed (0.90), 1.0 s"),
        ([90] * 10 + [0] * 10 + [90] * 10, None),
        ([0] * 10 + [90] * 20, "1.0 s female breast exposed (0.90), 2.0 s"),
        ([48] * 30, None),
        ([91] * 30, None),
        # Shorter than two seconds: two checks, half of it apart.
        ([90] * 8, "0.0 s female breast exposed (0.90), 0.4 s"),
        ([90] * 4 + [0] * 4, None),
        ([90], "0.0 s female breast exposed (0.90)."),
        ([], None),
    ],
)
def test_two_consecutive_findings_refuse(levels: list[int], refused_at: str | None) -> None:
    check = ContentCheck(FakeDetector(), video_info(), len(levels))
    if refused_at is None:
        assert [frame.index for frame in check.check(make_frames(levels))] == list(
            range(len(levels))
        )
    else:
        with pytest.raises(ContentRefused) as error:
            list(check.check(make_frames(levels)))
        assert refused_at in str(error.value)


def test_single_finding_does_not_refuse_a_resumed_target() -> None:
    assert (
        len(
            list(
                ContentCheck(FakeDetector(), video_info(), None).check(
                    make_frames([90] * 5), from_start=False
                )
            )
        )
        == 5
    )


def test_every_image_of_a_folder_is_checked() -> None:
    detector = FakeDetector()
    list(ContentCheck(detector, video_info("image_sequence"), 6).check(make_frames([0] * 6)))
    assert detector.calls == 6


@pytest.fixture
def detects_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the model by one that refuses every image."""

    class AlwaysDetects:
        def detect(self, image_path: Any) -> list[dict[str, Any]]:
            return [{"class": REFUSED_CLASS, "score": 0.8, "box": [0, 0, 1, 1]}]

    monkeypatch.setattr(content_check, "content_check_available", lambda: True)
    monkeypatch.setattr(content_check, "load_nudity_detector", AlwaysDetects)


@pytest.mark.usefixtures("detects_everywhere")
@pytest.mark.parametrize(
    "arguments",
    [
        ("--out", "out.mp4"),
        ("--out", "out.mp4", "--resume"),
        ("--preview", "sheet.png"),
        ("--frame", "3", "--out", "f"),
    ],
)
@pytest.mark.long
def test_refused_target_exits_with_7_and_leaves_no_output(
    tmp_path: Path,
    sample: Path,
    faceloom: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    bundle = make_bundle(tmp_path / "ben.bundle")
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    code, _, error = faceloom("convert", sample / "target_ada.mp4", "--bundle", bundle, *arguments)
    assert code == 7
    assert " s female breast exposed (0.80)" in error
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(not content_check_available(), reason="needs the extra content-check (nudenet)")
@pytest.mark.long
def test_model_allows_the_sample(
    tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    class Counting:
        def detect(self, image_path: Any) -> list[dict[str, Any]]:
            calls.append(image_path.shape)
            return model.detect(image_path)

    model = load_nudity_detector()
    assert isinstance(model.detect(next(read_frames(sample / "target_ben.mp4")).rgb), list)
    monkeypatch.setattr(content_check, "load_nudity_detector", Counting)
    out = tmp_path / "out.mp4"
    bundle = make_bundle(tmp_path / "ben.bundle")
    options = ConvertOptions(frame_range=FrameRange.parse("0:30"))
    summary = run_to_completion(convert(sample / "target_ben.mp4", bundle, out, options))
    assert (summary.content_checked, len(calls)) == (True, 2)


@pytest.mark.parametrize(
    ("shape", "input_shape"),
    [((30, 40), (30, 40)), ((2160, 3840), (360, 640)), ((1, 2000), (1, 640))],
)
def test_large_images_are_scaled_down_for_the_model(
    shape: tuple[int, int], input_shape: tuple[int, int]
) -> None:
    class ShapeCheckingDetector(FakeDetector):
        def detect(self, image_path: Any) -> list[dict[str, Any]]:
            assert image_path.shape == (*input_shape, 3)
            return super().detect(image_path)

    detector = ShapeCheckingDetector()
    assert ContentCheck(detector, video_info()).find(np.zeros((*shape, 3), np.uint8), 0) is None
    assert detector.calls == 1
