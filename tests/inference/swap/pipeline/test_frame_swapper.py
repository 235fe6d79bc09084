"""What a conversion remembers can be stored at any frame, and what it does with a face that is lost."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, noise
from tests.helpers.synthetic_faces import made_face

from faceloom.array_types import float32
from faceloom.errors import NoFaceFound, UsageError
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.face_recognition import MobileFaceNet
from faceloom.faces.tracker import PATIENCE
from faceloom.image_io import write_png
from faceloom.swap import Bundle, Cast, FrameSwapper, Memory, SwapNetwork, SwapOptions
from faceloom.swap.selection.track_state import Notes
from faceloom.video import Frame, read_frames

Seen = list[tuple[Frame, list[Face]]]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> SwapNetwork:
    """Draws the face inverted."""
    return SwapNetwork.open(
        Bundle.read(make_bundle(tmp_path_factory.mktemp("bundles") / "ben.bundle")), "cpu"
    )


@pytest.fixture(scope="module")
def seen(sample: Path) -> Seen:
    """Twelve frames; the face is lost in frames 4 and 5."""
    frames = [frame for frame in read_frames(sample / "target_ada.mp4") if frame.index < 12]
    found = FaceFinder().find([frame.rgb for frame in frames])
    return [
        (frame, [] if frame.index in (4, 5) else faces)
        for frame, faces in zip(frames, found, strict=True)
    ]


@pytest.fixture
def copied(seen: Seen) -> Callable[[], Seen]:
    """The same frames, to be drawn into."""
    return lambda: [(replace(frame, rgb=frame.rgb.copy()), faces) for frame, faces in seen]


def stored(memory: Memory) -> Memory:
    """Write a memory to a file and read it again; nothing in it may need pickle."""
    file = io.BytesIO()
    np.savez(file, **memory.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        return Memory.from_arrays(arrays)


@pytest.mark.parametrize("color", ["lab", "rct", "histogram"])
@pytest.mark.parametrize("cut", [1, 5, 9])
def test_a_stored_memory_goes_on_to_the_very_same_bytes(
    network: SwapNetwork, copied: Callable[[], Seen], sample: Path, color: str, cut: int
) -> None:
    options = SwapOptions(color=color, on_missing="last", select="largest")
    first = FrameSwapper(network, options)
    whole = [frame.rgb for frame in first.swap(copied())]
    begun = FrameSwapper(network, options)
    parts = list(begun.swap(copied()[:cut]))
    resumed = FrameSwapper(network, options, stored(begun.memory))
    parts += resumed.swap(copied()[cut:])
    np.testing.assert_array_equal([frame.rgb for frame in parts], whole)
    assert (
        (resumed.swapped_frames, resumed.missing_frames)
        == (first.swapped_frames, first.missing_frames)
        == (10, 2)
    )


def test_memory_matters(network: SwapNetwork, copied: Callable[[], Seen]) -> None:
    """Without it the test above would tell nothing."""
    options = SwapOptions(color="lab")
    whole = [frame.rgb for frame in FrameSwapper(network, options).swap(copied())]
    anew = [frame.rgb for frame in FrameSwapper(network, options).swap(copied()[9:])]
    assert (np.stack(whole[9:]) != np.stack(anew)).any()


@pytest.mark.parametrize("batch", [1, 5])
def test_the_batch_changes_no_byte(
    network: SwapNetwork, copied: Callable[[], Seen], batch: int
) -> None:
    options = SwapOptions(color="rct", on_missing="last")
    whole = [frame.rgb for frame in FrameSwapper(network, options).swap(copied())]
    swapper, frames = FrameSwapper(network, options), copied()
    some = [
        f.rgb for first in range(0, 12, batch) for f in swapper.swap(frames[first : first + batch])
    ]
    np.testing.assert_array_equal(some, whole)


def test_a_track_is_forgotten_when_its_number_cannot_come_back() -> None:
    notes = Notes()
    for track in (3, *[4] * PATIENCE):
        notes.begin_frame([track])
        notes.of(track).setdefault("color", np.array(track))
    assert "color" in notes.of(3)
    notes.begin_frame([4])
    assert not notes.knows(3)
    assert "color" not in notes.of(3)
    assert "color" in notes.of(4)


def test_a_lost_face_is_left_alone_and_counted(
    network: SwapNetwork, copied: Callable[[], Seen], seen: Seen
) -> None:
    swapper = FrameSwapper(network, SwapOptions())
    frames = list(swapper.swap(copied()))
    same = [
        (after.rgb == before.rgb).all() for after, (before, _) in zip(frames, seen, strict=True)
    ]
    assert [number for number, one in enumerate(same) if one] == [4, 5]
    assert swapper.missing_frames == 2


def test_the_last_face_is_shown_again_where_it_was(
    network: SwapNetwork, copied: Callable[[], Seen]
) -> None:
    frames = list(FrameSwapper(network, SwapOptions(on_missing="last")).swap(copied()))
    face = slice(130, 230), slice(110, 210)
    held = np.abs(frames[4].rgb[face].astype(int) - frames[3].rgb[face]).mean()
    assert held < 6 < np.abs(frames[3].rgb[face].astype(int) - copied()[4][0].rgb[face]).mean()


def test_the_last_face_is_not_shown_for_long_nor_after_a_cut(
    network: SwapNetwork, seen: Seen
) -> None:
    (frame, faces), other = seen[0], noise(1, *seen[0][0].rgb.shape[:2])[0]
    for picture, count, expected in ((frame.rgb, 14, PATIENCE), (other, 3, 0)):
        following = [(replace(frame, rgb=picture.copy()), []) for _ in range(count)]
        swapper = FrameSwapper(network, SwapOptions(on_missing="last"))
        _, *after = swapper.swap([(replace(frame, rgb=frame.rgb.copy()), faces), *following])
        assert sum((one.rgb != picture).any() for one in after) == expected
        assert swapper.missing_frames == count


def test_a_lost_face_can_be_a_failure(network: SwapNetwork, copied: Callable[[], Seen]) -> None:
    swapper = FrameSwapper(network, SwapOptions(on_missing="fail"))
    with pytest.raises(NoFaceFound, match=r"frame 4 \(0\.16 s\)"):
        list(swapper.swap(copied()))
    late = FrameSwapper(network, SwapOptions(on_missing="fail"))
    assert len(list(late.swap(copied()[4:]))) == 8


def test_each_of_a_cast_wears_their_own(
    network: SwapNetwork, seen: Seen, sample: Path, tmp_path: Path
) -> None:
    """Ada wears the inverted face, ben one that is left as it is."""
    pictures = [next(iter(read_frames(sample / f"target_{name}.mp4"))) for name in ("ada", "ben")]
    frame = replace(pictures[0], rgb=np.concatenate([picture.rgb for picture in pictures], 1))
    (faces,) = FaceFinder().find([frame.rgb])
    middle = frame.rgb.shape[1] // 2
    names = ["ada" if face.points_xy[0, 0] < middle else "ben" for face in faces]
    vectors = MobileFaceNet().embed([frame.rgb] * 2, [face.points_xy for face in faces])
    cast = Cast(vectors, tuple(names.index(name) for name in names), (network, network))
    swapper = FrameSwapper(cast, SwapOptions())
    (moment,) = swapper.choose([(frame, faces)])
    assert {(face.points_xy[0, 0] < middle, source) for face, source in moment.faces} == {
        (True, names.index("ada")), (False, names.index("ben"))
    }  # fmt: skip
    stranger = Cast(float32(-vectors), (0, 1), (network, network))
    nobody = FrameSwapper(stranger, SwapOptions())
    assert not nobody.choose([(frame, faces)])[0].faces
    assert "is the one asked for" in str(nobody.nobody(tmp_path))


def test_nobody_at_all(network: SwapNetwork, tmp_path: Path) -> None:
    swapper = FrameSwapper(network, SwapOptions())
    swapper.choose([(Frame(0, 0, 1, Fraction(1), noise(1)[0]), [])])
    assert "No face was found" in str(swapper.nobody(tmp_path))
    with pytest.raises(UsageError, match="does not exist"):
        FrameSwapper(network, SwapOptions(reference=(tmp_path / "nobody.jpg",)))
    with pytest.raises(UsageError, match="choose largest"):
        FrameSwapper(network, SwapOptions(select="her"))


def test_a_ghost_is_a_face_too(network: SwapNetwork) -> None:
    """A face outside the picture is chosen, drawn and pasted without an error."""
    frame = Frame(0, 0, 1, Fraction(1), noise(1)[0])
    before = frame.rgb.copy()
    list(FrameSwapper(network, SwapOptions()).swap([(frame, [made_face(left=5000)])]))
    np.testing.assert_array_equal(frame.rgb, before)


def test_a_map_exchanges_only_whom_its_pictures_show(
    tmp_path: Path, sample: Path, faceloom
) -> None:
    pictures = [
        next(iter(read_frames(sample / f"target_{name}.mp4"))).rgb for name in ("ada", "ben")
    ]
    write_png(tmp_path / "ben.png", pictures[1])
    clip = make_clip(tmp_path / "two.mp4", [np.concatenate(pictures, 1)] * 2)
    worn = f"{tmp_path / 'ben.png'}={make_bundle(tmp_path / 'b')}"
    code, out, err = faceloom(
        "convert", clip, "--map", worn, "--out", tmp_path / "out.mp4", "--json"
    )
    assert code == 0, err
    assert (json.loads(out)["swapped_frames"], json.loads(out)["missing_frames"]) == (2, 0)
    (before, _), (after, _) = (list(read_frames(path)) for path in (clip, tmp_path / "out.mp4"))
    changed = np.abs(before.rgb.astype(int) - after.rgb).max(-1) > 60
    assert not changed[:, :320].any()
    assert changed[:, 320:].mean() > 0.03
