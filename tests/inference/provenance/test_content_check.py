"""The content check: two looks in a row refuse, one does not, and harmless clips pass."""

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
from faceloom.provenance import ContentCheck, content_check_available, load_nudity_detector
from faceloom.provenance import content_check as content_module
from faceloom.swap import ConvertOptions, convert
from faceloom.video import Frame, FrameRange, VideoInfo, probe_source, read_frames

RATE = 10
BAD, FINE = "FEMALE_BREAST_EXPOSED", "FACE_FEMALE"


class Seer:
    """Sees what a picture's first byte says: its score in hundredths; even ones are of something that is refused."""

    def __init__(self) -> None:
        self.looks = 0

    def detect(self, image_path: Any) -> list[dict[str, Any]]:
        self.looks += 1
        level = int(image_path[0, 0, 0])
        return (
            [{"class": FINE if level % 2 else BAD, "score": level / 100, "box": [0, 0, 1, 1]}]
            if level
            else []
        )


def frames(levels: list[int]) -> Iterator[Frame]:
    for number, level in enumerate(levels):
        yield Frame(number, number, 1, Fraction(1, RATE), np.full((8, 8, 3), level, np.uint8))


def video_info(kind: str = "video") -> VideoInfo:
    info = probe_source(
        Path(str(content_module.__file__)).parents[1] / "demo" / "sample" / "target_ada.mp4"
    )
    return replace(info, average_rate=Fraction(RATE), kind=kind)


@pytest.mark.parametrize(
    ("levels", "refused_at"),
    [
        ([0] * 30, None),
        # A look a second: frames 0, 10 and 20.
        ([90] * 30, "0.0 s female breast exposed (0.90), 1.0 s"),
        ([90] * 10 + [0] * 10 + [90] * 10, None),
        ([0] * 10 + [90] * 20, "1.0 s female breast exposed (0.90), 2.0 s"),
        ([48] * 30, None),
        ([91] * 30, None),
        # Too short for two looks a second apart.
        ([90] * 8, "0.0 s female breast exposed (0.90), 0.4 s"),
        ([90] * 4 + [0] * 4, None),
        ([90], "0.0 s female breast exposed (0.90)."),
        ([], None),
    ],
)
def test_two_looks_in_a_row_refuse(levels: list[int], refused_at: str | None) -> None:
    check = ContentCheck(Seer(), video_info(), len(levels))
    if refused_at is None:
        assert [frame.index for frame in check.watch(frames(levels))] == list(range(len(levels)))
    else:
        with pytest.raises(ContentRefused) as error:
            list(check.watch(frames(levels)))
        assert refused_at in str(error.value)


def test_what_goes_on_is_not_judged_by_one_look() -> None:
    assert (
        len(list(ContentCheck(Seer(), video_info(), None).watch(frames([90] * 5), whole=False)))
        == 5
    )


def test_every_picture_of_a_folder_is_looked_at() -> None:
    seer = Seer()
    list(ContentCheck(seer, video_info("pictures"), 6).watch(frames([0] * 6)))
    assert seer.looks == 6


@pytest.fixture
def sees_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is taken for what is refused."""

    class Everything:
        def detect(self, image_path: Any) -> list[dict[str, Any]]:
            return [{"class": BAD, "score": 0.8, "box": [0, 0, 1, 1]}]

    monkeypatch.setattr(content_module, "can_check", lambda: True)
    monkeypatch.setattr(content_module, "open_detector", Everything)


@pytest.mark.usefixtures("sees_all")
@pytest.mark.parametrize(
    "arguments",
    [
        ("--out", "out.mp4"),
        ("--out", "out.mp4", "--resume"),
        ("--preview", "sheet.png"),
        ("--frame", "3", "--out", "f"),
    ],
)
def test_a_refused_target_ends_with_7_and_leaves_nothing(
    tmp_path: Path,
    sample: Path,
    faceloom: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    bundle = make_bundle(tmp_path / "ben.bundle")
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    code, _, said = faceloom("convert", sample / "target_ada.mp4", "--bundle", bundle, *arguments)
    assert code == 7
    assert " s female breast exposed (0.80)" in said
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(not content_check_available(), reason="needs the extra content-check (nudenet)")
def test_the_real_model_passes_the_sample(tmp_path: Path, sample: Path) -> None:
    assert isinstance(
        load_nudity_detector().detect(next(read_frames(sample / "target_ben.mp4")).rgb), list
    )
    out = tmp_path / "out.mp4"
    bundle = make_bundle(tmp_path / "ben.bundle")
    options = ConvertOptions(frame_range=FrameRange.parse("0:30"))
    assert run_to_completion(
        convert(sample / "target_ben.mp4", bundle, out, options)
    ).content_checked


@pytest.mark.parametrize(
    ("shape", "seen"), [((30, 40), (30, 40)), ((2160, 3840), (360, 640)), ((1, 2000), (1, 640))]
)
def test_large_pictures_are_shown_small(shape: tuple[int, int], seen: tuple[int, int]) -> None:
    class Watcher(Seer):
        def detect(self, image_path: Any) -> list[dict[str, Any]]:
            assert image_path.shape == (*seen, 3)
            return super().detect(image_path)

    watcher = Watcher()
    assert ContentCheck(watcher, video_info()).look(np.zeros((*shape, 3), np.uint8), 0) is None
    assert watcher.looks == 1
