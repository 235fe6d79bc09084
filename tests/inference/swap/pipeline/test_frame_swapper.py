"""The stages of a swap: batches, stored state, lost faces, several identities."""

import io
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.swapping import FoundFaces, SwapRun
from tests.helpers.synthetic_faces import made_face

from faceloom.array_types import float32
from faceloom.choices import FaceMaskKind
from faceloom.errors import NoFaceFound, UsageError
from faceloom.faces.face_finder import FaceFinder
from faceloom.faces.face_recognition import MobileFaceNet
from faceloom.faces.parsing.face_parser import FaceParser
from faceloom.faces.tracker import MAX_MISSED_FRAMES
from faceloom.image_io import write_png
from faceloom.swap import Bundle, IdentityMap, SwapNetwork, SwapOptions
from faceloom.swap.selection import TrackState
from faceloom.video import Frame, read_frames


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> SwapNetwork:
    """A network that inverts the face."""
    path = make_bundle(tmp_path_factory.mktemp("bundles") / "ben.bundle")
    return SwapNetwork.open(Bundle.read(path), "cpu")


@pytest.fixture(scope="module")
def found(sample: Path) -> FoundFaces:
    """Twelve frames with their faces; the face is lost in frames 4 and 5."""
    frames = [frame for frame in read_frames(sample / "target_ada.mp4") if frame.index < 12]
    faces = FaceFinder().find([frame.rgb for frame in frames])
    return [
        (frame, [] if frame.index in (4, 5) else found)
        for frame, found in zip(frames, faces, strict=True)
    ]


def pictures(frames: list[Frame]) -> list[np.ndarray]:
    return [frame.rgb for frame in frames]


def stored(state: TrackState) -> TrackState:
    """Write a state to a file and read it again, without pickle."""
    file = io.BytesIO()
    np.savez(file, **state.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        return TrackState.from_arrays(arrays)


@pytest.mark.parametrize("color", ["lab", "rct", "histogram"])
@pytest.mark.parametrize("cut", [1, 5, 9])
@pytest.mark.long
def test_a_stored_state_continues_with_the_same_bytes(
    network: SwapNetwork, found: FoundFaces, color: str, cut: int
) -> None:
    options = SwapOptions(color=color, on_missing="last", select="largest")
    complete = SwapRun(network, options)
    expected = pictures(complete.swap(found))
    first = SwapRun(network, options)
    parts = pictures(first.swap(found[:cut]))
    second = SwapRun(network, options, stored(first.selector.state))
    # The shot detector of the pipeline continues too.
    second._cuts.state = first._cuts.state
    blending = stored(first.swapper.state)
    vars(second.swapper.state).update(vars(blending))
    parts += pictures(second.swap(found[cut:]))
    np.testing.assert_array_equal(parts, expected)
    assert second.counters == complete.counters == (10, 2)


def test_the_state_matters(network: SwapNetwork, found: FoundFaces) -> None:
    """Without it the test above would prove nothing."""
    options = SwapOptions(color="lab")
    expected = pictures(SwapRun(network, options).swap(found))
    without = pictures(SwapRun(network, options).swap(found[9:]))
    assert (np.stack(expected[9:]) != np.stack(without)).any()


def test_a_frame_is_never_changed_in_place(network: SwapNetwork, found: FoundFaces) -> None:
    before = [frame.rgb.copy() for frame, _ in found]
    swapped = SwapRun(network, SwapOptions()).swap(found)
    np.testing.assert_array_equal([frame.rgb for frame, _ in found], before)
    assert (swapped[0].rgb != before[0]).any()
    # A frame without a swapped face is passed on without a copy.
    assert swapped[4] is found[4][0]


def test_the_target_s_own_forehead_is_led_over(network: SwapNetwork, found: FoundFaces) -> None:
    """The guest's face ends at the brows, and the target shows skin above them."""
    run = SwapRun(network, SwapOptions(color="none"))
    (selected,) = run.select(found[:1])
    (predicted,) = run.swapper.predict([run.swapper.align(selected)])[0]
    learned = predicted.learned_mask.copy()
    learned[: len(learned) * 2 // 5] = 0
    swapped = replace(predicted, learned_mask=learned, predicted_regions=None)
    frame, (blended,) = run.swapper.blend(selected, [swapped])
    assert blended.tint is not None
    covered = cv2.warpAffine(
        np.uint8(255 * (blended.mask > 0)),
        blended.swapped.aligned.crop.frame_to_crop,
        frame.rgb.shape[1::-1],
        flags=cv2.WARP_INVERSE_MAP,
    )
    rows, columns = np.nonzero((frame.rgb != selected.frame.rgb).any(-1) & (covered == 0))
    assert len(rows) > 100
    # What is changed is written, also where only the tint changes it.
    inside = np.zeros(covered.shape, bool)
    for left, top, right, bottom in frame.changed_boxes:
        inside[top:bottom, left:right] = True
    assert inside[rows, columns].all()


@pytest.mark.parametrize("batch", [1, 5])
def test_the_batch_size_changes_no_byte(
    network: SwapNetwork, found: FoundFaces, batch: int
) -> None:
    options = SwapOptions(color="rct", on_missing="last")
    expected = pictures(SwapRun(network, options).swap(found))
    run = SwapRun(network, options)
    parts = [
        frame.rgb
        for first in range(0, 12, batch)
        for frame in run.swap(found[first : first + batch])
    ]
    np.testing.assert_array_equal(parts, expected)


def test_a_track_is_deleted_when_its_number_cannot_return() -> None:
    state = TrackState()
    for track in (3, *[4] * MAX_MISSED_FRAMES):
        state.begin_frame([track])
        state.of_track(track).setdefault("color", np.array(track))
    assert "color" in state.of_track(3)
    state.begin_frame([4])
    assert not state.is_active(3)
    assert "color" not in state.of_track(3)
    assert "color" in state.of_track(4)


def test_a_frame_with_a_lost_face_is_unchanged_and_counted(
    network: SwapNetwork, found: FoundFaces
) -> None:
    run = SwapRun(network, SwapOptions())
    frames = run.swap(found)
    same = [
        (after.rgb == before.rgb).all() for after, (before, _) in zip(frames, found, strict=True)
    ]
    assert [index for index, unchanged in enumerate(same) if unchanged] == [4, 5]
    assert run.counters[1] == 2


def test_on_missing_last_pastes_the_last_face_again(
    network: SwapNetwork, found: FoundFaces
) -> None:
    frames = SwapRun(network, SwapOptions(on_missing="last")).swap(found)
    face = slice(130, 230), slice(110, 210)
    held = np.abs(frames[4].rgb[face].astype(int) - frames[3].rgb[face]).mean()
    assert held < 6 < np.abs(frames[3].rgb[face].astype(int) - found[4][0].rgb[face]).mean()


def test_the_last_face_is_pasted_for_a_short_time_and_not_after_a_cut(
    network: SwapNetwork, found: FoundFaces
) -> None:
    (frame, faces), other = found[0], wave_images(1, *found[0][0].rgb.shape[:2])[0]
    for picture, count, expected in ((frame.rgb, 14, MAX_MISSED_FRAMES), (other, 3, 0)):
        following = [(replace(frame, rgb=picture), []) for _ in range(count)]
        run = SwapRun(network, SwapOptions(on_missing="last"))
        _, *after = run.swap([(frame, faces), *following])
        assert sum((one.rgb != picture).any() for one in after) == expected
        assert run.counters[1] == count


def test_on_missing_fail_raises(network: SwapNetwork, found: FoundFaces) -> None:
    with pytest.raises(NoFaceFound, match=r"frame 4 \(0\.16 s\)"):
        SwapRun(network, SwapOptions(on_missing="fail")).swap(found)
    assert len(SwapRun(network, SwapOptions(on_missing="fail")).swap(found[4:])) == 8


def test_each_person_of_an_identity_map_gets_their_source(
    network: SwapNetwork, sample: Path, tmp_path: Path
) -> None:
    frames = [next(iter(read_frames(sample / f"target_{name}.mp4"))) for name in ("ada", "ben")]
    frame = replace(frames[0], rgb=np.concatenate([one.rgb for one in frames], 1))
    (faces,) = FaceFinder().find([frame.rgb])
    middle = frame.rgb.shape[1] // 2
    names = ["ada" if face.points_xy[0, 0] < middle else "ben" for face in faces]
    vectors = MobileFaceNet().embed([frame.rgb] * 2, [face.points_xy for face in faces])
    indices = tuple(names.index(name) for name in names)
    (selected,) = SwapRun(IdentityMap(vectors, indices, (network, network)), SwapOptions()).select(
        [(frame, faces)]
    )
    assert {
        (face.points_xy[0, 0] < middle, source) for face, source in selected.selection.faces
    } == {(True, names.index("ada")), (False, names.index("ben"))}
    strangers = IdentityMap(float32(-vectors), (0, 1), (network, network))
    run = SwapRun(strangers, SwapOptions())
    assert not run.select([(frame, faces)])[0].selection.faces
    assert "is the requested person" in str(run.selector.no_face_error(tmp_path))


def test_options_without_a_usable_face_are_refused(network: SwapNetwork, tmp_path: Path) -> None:
    run = SwapRun(network, SwapOptions())
    run.select([(Frame(0, 0, 1, Fraction(1), wave_images(1)[0]), [])])
    assert "No face was found" in str(run.selector.no_face_error(tmp_path))
    with pytest.raises(UsageError, match="does not exist"):
        SwapRun(network, SwapOptions(reference=(tmp_path / "nobody.jpg",)))
    with pytest.raises(UsageError, match="choose largest"):
        SwapRun(network, SwapOptions(select="her"))


def test_a_face_outside_the_frame_changes_nothing(network: SwapNetwork) -> None:
    frame = Frame(0, 0, 1, Fraction(1), wave_images(1)[0])
    (swapped,) = SwapRun(network, SwapOptions()).swap([(frame, [made_face(left=5000)])])
    np.testing.assert_array_equal(swapped.rgb, frame.rgb)


def test_a_map_swaps_only_the_people_of_its_pictures(
    tmp_path: Path, sample: Path, faceloom
) -> None:
    pair = [next(iter(read_frames(sample / f"target_{name}.mp4"))).rgb for name in ("ada", "ben")]
    write_png(tmp_path / "ben.png", pair[1])
    clip = make_clip(tmp_path / "two.mp4", [np.concatenate(pair, 1)] * 2)
    assignment = f"{tmp_path / 'ben.png'}={make_bundle(tmp_path / 'b')}"
    code, out, err = faceloom(
        "convert", clip, "--map", assignment, "--out", tmp_path / "out.mp4", "--json"
    )
    assert code == 0, err
    assert (json.loads(out)["swapped_frames"], json.loads(out)["missing_frames"]) == (2, 0)
    assert json.loads(out)["occlusion"] == {"frames": 0, "spans": []}
    (before, _), (after, _) = (list(read_frames(path)) for path in (clip, tmp_path / "out.mp4"))
    changed = np.abs(before.rgb.astype(int) - after.rgb).max(-1) > 60
    assert not changed[:, :320].any()
    assert changed[:, 320:].mean() > 0.03


@pytest.mark.parametrize(
    ("face_mask", "options", "calls"),
    [
        ("regions", SwapOptions(color="lab"), 2),
        ("regions", SwapOptions(color="rct"), 2),
        ("regions", SwapOptions(color="none"), 1),
        ("regions", SwapOptions(color="histogram"), 1),
        ("regions", SwapOptions(color="none", glasses="target"), 2),
        ("regions", SwapOptions(mask="both"), 1),
        ("mesh", SwapOptions(color="none"), 2),
        ("mesh", SwapOptions(mask="both"), 0),
    ],
    ids=[
        "skin's color",
        "skin's contrast",
        "no color",
        "all colors",
        "glasses",
        "input alone",
        "mesh mask",
        "no regions",
    ],
)
def test_what_is_parsed(
    tmp_path: Path,
    found: FoundFaces,
    monkeypatch: pytest.MonkeyPatch,
    face_mask: FaceMaskKind,
    options: SwapOptions,
    calls: int,
) -> None:
    """The target's face once, and the prediction where its skin or hair must be known."""
    network = SwapNetwork.open(Bundle.read(make_bundle(tmp_path / "ben.bundle")), "cpu")
    network.face_mask = face_mask
    parsed: list[int] = []
    parse_faces = FaceParser.parse_faces

    def count(self: FaceParser, crops: list, masks: list) -> list:
        parsed.append(len(crops))
        return parse_faces(self, crops, masks)

    monkeypatch.setattr(FaceParser, "parse_faces", count)
    SwapRun(network, options).swap(found[:1])
    assert parsed == [1] * calls
