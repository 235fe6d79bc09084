"""Stills of a clip with two people: whom a conversion swaps, with which bundle."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip

from faceloom.image_io import read_picture, write_png
from faceloom.progress import run_to_completion
from faceloom.provenance import MarkSettings
from faceloom.studio.stills import StillEngine, StillRequest
from faceloom.swap import Assignment, ConvertOptions, Section, SwapOptions, SwapSource
from faceloom.swap.bundle.manifest import BlendRow
from faceloom.swap.preview import write_frame_debug
from faceloom.video import FrameRange, read_frames

FRAME = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """A clip with Ada on the left and Ben on the right, a picture of each, and two bundles."""
    made = tmp_path_factory.mktemp("two-people")
    people = [
        [frame.rgb for frame in read_frames(sample / f"train_{name}.mp4", stop=8)]
        for name in ("ada", "ben")
    ]
    make_clip(made / "both.mp4", [np.hstack(pair) for pair in zip(*people, strict=True)])
    for name, pictures in zip(("ada", "ben"), people, strict=True):
        write_png(made / f"{name}.png", pictures[0])
    make_bundle(made / "plain.bundle")
    make_bundle(made / "small.bundle", blend=BlendRow(color="none", erode=0.15))
    return made


@pytest.fixture(scope="module")
def engine() -> StillEngine:
    return StillEngine()


@pytest.mark.parametrize(
    ("people", "left", "right"),
    [
        ({"map": {"ada": "plain", "ben": "small"}}, True, True),
        ({"map": {"ben": "small"}}, False, True),
        ({"map": {"ada": "small"}, "exclude": ["ben"]}, True, False),
        ({"reference": ["ada"], "sections": True}, True, False),
        ({"exclude": ["ada"]}, False, True),
    ],
)
@pytest.mark.long
def test_a_still_swaps_the_people_that_convert_swaps(
    tmp_path: Path,
    engine: StillEngine,
    folder: Path,
    people: dict[str, object],
    left: bool,
    right: bool,
) -> None:
    pictures = {
        name: tuple(folder / f"{each}.png" for each in people.get(name, ()))
        for name in ("reference", "exclude")
    }
    assignments = tuple(
        Assignment(folder / f"{person}.png", folder / f"{bundle}.bundle")
        for person, bundle in people.get("map", {}).items()
    )
    clip, bundle = folder / "both.mp4", folder / "plain.bundle"
    options = ConvertOptions(marking=MarkSettings("off"), **pictures)
    source = (
        SwapSource.from_assignments(assignments, options)
        if assignments
        else SwapSource.from_bundle(bundle, options)
    )
    run_to_completion(write_frame_debug(clip, source, str(FRAME), tmp_path / "one", options))
    sections = (Section(FrameRange(0, 5), SwapOptions()),) if "sections" in people else ()
    request = StillRequest(
        clip, bundle, FRAME, SwapOptions(**pictures), sections=sections, assignments=assignments
    )
    still = engine.still(request)
    np.testing.assert_array_equal(still.picture, read_picture(tmp_path / "one" / "swap.png"))
    assert still.faces == left + right
    changes = cv2.absdiff(still.picture, engine.original(clip, FRAME))
    sides = np.split(changes, 2, axis=1)
    assert [side.mean() > 1 for side in sides] == [left, right]


def test_pictures_and_bundles_are_read_once(folder: Path, calls: Counter[str]) -> None:
    pairs = [("ada", "plain"), ("ben", "small")]
    assignments = [Assignment(folder / f"{a}.png", folder / f"{b}.bundle") for a, b in pairs]
    engine = StillEngine()
    request = StillRequest(folder / "both.mp4", folder / "plain.bundle", FRAME)
    for number in (1, 2, 1):
        engine.still(replace(request, assignments=tuple(assignments[:number])))
    expected = {"load_bundle": 2, "embed_references": 2, "run_network": 2, "FaceChain": 1}
    assert {name: calls[name] for name in expected} == expected
    second = Assignment(assignments[0].reference, assignments[1].bundle)
    other = engine.still(replace(request, assignments=(second,)))
    assert (calls["run_network"], calls["load_bundle"], other.faces) == (3, 2, 1)
