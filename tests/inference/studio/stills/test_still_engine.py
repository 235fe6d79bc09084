"""Stills equal the frames of a conversion, and a slider runs no network."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.studio.clip import ALL_FRAMES

from faceloom.errors import ContentRefused, FaceloomError
from faceloom.image_io import read_picture
from faceloom.progress import run_to_completion
from faceloom.provenance import MarkSettings, content_check
from faceloom.studio.stills import StillEngine, StillRequest, StillView
from faceloom.swap import (
    Assignment,
    ConvertOptions,
    FrameSwapper,
    SwapOptions,
    SwapSource,
    convert,
)
from faceloom.swap.options import Section
from faceloom.swap.pipeline.selected_frame import AlignedFrame
from faceloom.swap.preview import write_frame_debug
from faceloom.video import Encoding, FrameRange, read_frames

BLEND = ["blend_frame"]
MATCH = ["match_lead_in", "match_frame", "blend_frame"]


@pytest.fixture(scope="module")
def engine() -> StillEngine:
    return StillEngine()


@pytest.mark.parametrize(
    ("frame", "changes"),
    [
        (0, {}),
        (7, {"erode": 0.08}),
        (15, {"mask": "mesh", "color": "rct", "forehead": 0.3}),
        (15, {"mask": "both", "color": "lab", "feather": 0.1}),
        (15, {"mask": "learned", "color": "histogram", "sharpen": 0.7}),
        (19, {"glasses": "target", "select": "all"}),
        (19, {"color": "lab", "select": "track:0"}),
    ],
)
@pytest.mark.long
def test_a_still_equals_the_frame_that_convert_writes(
    tmp_path: Path,
    engine: StillEngine,
    clip: Path,
    bundle: Path,
    frame: int,
    changes: dict[str, object],
) -> None:
    options = ConvertOptions(marking=MarkSettings("off"), **changes)
    source = SwapSource.from_bundle(bundle, options)
    run_to_completion(write_frame_debug(clip, source, str(frame), tmp_path / "one", options))
    still = engine.still(StillRequest(clip, bundle, frame, SwapOptions(**changes)))
    difference = cv2.absdiff(still.picture, read_picture(tmp_path / "one" / "swap.png"))
    assert difference.max() == 0
    assert still.faces == 1


@pytest.mark.parametrize(
    ("changes", "draft", "expected"),
    [
        ({"sharpen": 0.5}, False, BLEND),
        ({"erode": 0.1}, True, BLEND),
        ({"feather": 0.1}, False, [*BLEND, "blend_lead_in"]),
        ({"forehead": 0.2}, True, [*BLEND, "match_frame"]),
        ({"forehead": 0.2}, False, MATCH),
        ({"color": "rct"}, True, MATCH),
        ({"mask": "mesh"}, False, MATCH),
        ({"glasses": "target"}, False, MATCH),
        ({"select": "all"}, False, [*MATCH, "run_network"]),
        ({}, False, []),
    ],
)
def test_a_changed_setting_runs_only_the_stages_that_it_changes(
    clip: Path,
    bundle: Path,
    calls: Counter[str],
    changes: dict[str, object],
    draft: bool,
    expected: list[str],
) -> None:
    engine, request = StillEngine(), StillRequest(clip, bundle, 9)
    before = engine.still(request)
    assert calls == dict.fromkeys(calls, 1)
    assert len(calls) == 6
    calls.clear()
    after = engine.still(replace(request, options=SwapOptions(**changes), draft=draft))
    assert calls == dict.fromkeys(expected, 1)
    changed = bool(changes.keys() - {"select"})
    assert np.array_equal(before.picture, after.picture) != changed


def test_a_draft_of_a_new_frame_swaps_it_alone(
    clip: Path, bundle: Path, calls: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, request = StillEngine(), StillRequest(clip, bundle, 15, draft=True)
    batches: list[int] = []
    predict = FrameSwapper.predict

    def counted(swapper: FrameSwapper, frames: Sequence[AlignedFrame]) -> object:
        batches.append(len(frames))
        return predict(swapper, frames)

    monkeypatch.setattr(FrameSwapper, "predict", counted)
    quick = engine.still(request)
    exact = engine.still(replace(request, draft=False))
    again = engine.still(request)
    assert batches == [1] * (1 + 13)
    assert quick.faces == exact.faces == 1
    assert 0 < cv2.absdiff(quick.picture, exact.picture).mean() < 2
    np.testing.assert_array_equal(again.picture, exact.picture)
    assert calls["FaceChain"] == 2


def test_a_frame_beside_another_one_runs_the_network_once(
    clip: Path, bundle: Path, calls: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames 17 to 21 have the same first frame of their lead-in."""
    asked: list[int] = []
    predict = FrameSwapper.predict

    def counted(swapper: FrameSwapper, frames: Sequence[AlignedFrame]) -> object:
        asked.extend(frame.selection.index for frame in frames)
        return predict(swapper, frames)

    monkeypatch.setattr(FrameSwapper, "predict", counted)
    engine, request = StillEngine(), StillRequest(clip, bundle, 19)
    engine.still(request)
    assert asked == list(range(7, 20))
    asked.clear()
    stepped = {frame: engine.still(replace(request, frame=frame)).picture for frame in (20, 18)}
    assert asked == [20, 6]
    assert calls["FaceChain"] == 1
    for frame, picture in stepped.items():
        alone = StillEngine().still(replace(request, frame=frame))
        np.testing.assert_array_equal(picture, alone.picture)


def test_an_exact_still_after_a_draft_equals_one_without(clip: Path, bundle: Path) -> None:
    moved = StillRequest(clip, bundle, 12, SwapOptions(erode=0.12, forehead=0.3, color="lab"))
    expected = StillEngine().still(moved).picture
    engine = StillEngine()
    engine.still(replace(moved, options=SwapOptions(color="lab")))
    engine.still(replace(moved, draft=True))
    np.testing.assert_array_equal(engine.still(moved).picture, expected)


@pytest.mark.parametrize("frame", [4, 5, 9, 12, 14])
def test_a_still_uses_the_section_of_its_frame(
    engine: StillEngine, clip: Path, bundle: Path, frame: int
) -> None:
    plain, wide = SwapOptions(mask="both"), SwapOptions(mask="both", erode=0.12)
    sections = (
        Section(FrameRange(5, 10), wide),
        Section(FrameRange(14, 20), plain, swap=False),
    )
    made = engine.still(StillRequest(clip, bundle, frame, plain, sections=sections))
    expected = engine.still(StillRequest(clip, bundle, frame, wide if frame in (5, 9) else plain))
    if frame == 14:
        assert made.faces == 0
        np.testing.assert_array_equal(made.picture, engine.original(clip, 14))
    else:
        np.testing.assert_array_equal(made.picture, expected.picture)


def test_a_still_at_the_start_of_a_section_equals_the_conversion(
    tmp_path: Path, engine: StillEngine, clip: Path, bundle: Path
) -> None:
    """Up to frame 12 the frames before a still are all frames of the video."""
    base = SwapOptions(color="lab", mask="both")
    section = Section(FrameRange(6, 12), replace(base, color="histogram", forehead=0.3))
    options = ConvertOptions(
        color="lab",
        mask="both",
        sections=(section,),
        encoding=Encoding("lossless"),
        frame_range=FrameRange(0, 13),
        batch_size=1,
    )
    run_to_completion(convert(clip, bundle, tmp_path / "out.mkv", options))
    frames = [frame.rgb for frame in read_frames(tmp_path / "out.mkv")]
    for index in (5, 6, 7, 11, 12):
        made = engine.still(StillRequest(clip, bundle, index, base, sections=(section,)))
        without = engine.still(StillRequest(clip, bundle, index, base))
        # The video has half of the chroma's lines and columns.
        assert cv2.absdiff(made.picture, frames[index]).mean() < 0.5, index
        changed = cv2.absdiff(without.picture, frames[index]).mean() > 1
        assert changed == (6 <= index < 12), index


def test_views_show_the_same_blend(clip: Path, bundle: Path, calls: Counter[str]) -> None:
    engine, request = StillEngine(), StillRequest(clip, bundle, 9)
    views = {view: engine.still(replace(request, view=view)).picture for view in StillView}
    assert calls["blend_frame"] == 1
    original = next(iter(read_frames(clip, start=9, stop=10))).rgb
    np.testing.assert_array_equal(views[StillView.ORIGINAL], original)
    difference = cv2.absdiff(views[StillView.SWAP], original).astype(int)
    np.testing.assert_array_equal(views[StillView.DIFFERENCE], np.minimum(4 * difference, 255))
    tinted = (views[StillView.MASK] != original).any(2)
    pasted = difference.max(2) > 40
    assert pasted.sum() > 500
    assert (tinted[pasted]).mean() > 0.99
    assert tinted.mean() < 0.5


def test_a_frame_without_a_face_is_shown_as_it_is(clip: Path, bundle: Path) -> None:
    engine = StillEngine()
    still = engine.still(StillRequest(clip, bundle, ALL_FRAMES - 1))
    assert still.faces == 0
    np.testing.assert_array_equal(still.picture, engine.original(clip, ALL_FRAMES - 1))


def test_originals_are_the_frames_of_the_clip(clip: Path) -> None:
    engine, frames = StillEngine(), [frame.rgb for frame in read_frames(clip)]
    for index in (17, 3, 4, 0, ALL_FRAMES - 1):
        np.testing.assert_array_equal(engine.original(clip, index), frames[index])
    info = engine.clip_info(clip)
    assert (info.frames, info.rate) == (ALL_FRAMES, 25)
    assert (info.height, info.width) == frames[0].shape[:2]
    assert info.thumbnail_frames(4) == [3, 9, 16, 22]
    assert info.thumbnail_frames(100) == list(range(ALL_FRAMES))
    assert engine.thumbnail(clip, 5).shape[0] == 90


def test_a_replaced_bundle_is_opened_again(
    tmp_path: Path, clip: Path, bundle: Path, calls: Counter[str]
) -> None:
    engine, path = StillEngine(), make_bundle(tmp_path / "ben.bundle")
    request = StillRequest(clip, path, 4)
    engine.still(request)
    path.rename(tmp_path / "old.bundle")
    make_bundle(path)
    engine.still(request)
    assert calls["load_bundle"] == calls["run_network"] == 2
    assert calls["FaceChain"] == 1
    assert engine.suggestions(bundle).color == "none"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame": ALL_FRAMES}, "has no frame 26; its frames are 0 to 25"),
        ({"frame": -1}, "has no frame -1"),
        ({"clip": Path("missing.mp4")}, "missing.mp4"),
        ({"bundle": Path("missing.bundle")}, "missing.bundle is not a bundle"),
        ({"options": SwapOptions(select="tallest")}, "--select 'tallest' is invalid"),
        ({"options": SwapOptions(reference=(Path("a.png"),))}, "a.png"),
        (
            {
                "options": SwapOptions(select="all"),
                "assignments": (Assignment(Path("a.png"), Path("b.bundle")),),
            },
            "--map selects who is swapped",
        ),
    ],
)
def test_an_impossible_still_is_refused(
    engine: StillEngine, clip: Path, bundle: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(FaceloomError, match=message):
        engine.still(replace(StillRequest(clip, bundle, 0), **changes))


def test_a_bundle_that_is_no_bundle_is_refused(
    tmp_path: Path, engine: StillEngine, clip: Path
) -> None:
    (tmp_path / "empty.bundle").mkdir()
    with pytest.raises(FaceloomError, match=r"empty\.bundle"):
        engine.still(StillRequest(clip, tmp_path / "empty.bundle", 0))


def test_the_content_check_refuses_a_still(
    clip: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FindsNudity:
        def detect(self, image_path: object) -> list[dict[str, object]]:
            return [{"class": "BUTTOCKS_EXPOSED", "score": 0.9, "box": [0, 0, 1, 1]}]

    monkeypatch.setattr(content_check, "load_nudity_detector", FindsNudity)
    monkeypatch.setattr(content_check, "content_check_available", lambda: True)
    with pytest.raises(ContentRefused, match="shows nudity"):
        StillEngine().still(StillRequest(clip, bundle, 3))
