"""A converted video is its target with swapped faces; nothing else changes."""

from pathlib import Path

import av
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images

from faceloom.errors import ArtifactRefused, MediaUnreadable, NoFaceFound, UsageError
from faceloom.progress import run_to_completion
from faceloom.swap import ConvertOptions, convert
from faceloom.video import probe_video, read_frames


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "ben.bundle")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """Twelve frames at uneven times, with sound, a face in all but frames 4 and 5."""
    pictures = [f.rgb for f in read_frames(sample / "target_ada.mp4") if f.index < 12]
    pictures[4:6] = [np.full_like(pictures[0], 90)] * 2
    path = tmp_path_factory.mktemp("clips") / "uneven.mp4"
    times = [0, 40, 80, 130, 170, 300, 340, 380, 500, 540, 580, 640]
    return make_clip(path, pictures, pts=times, audio_seconds=0.7)


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(audio=0) if p.dts is not None]


@pytest.mark.parametrize("batch", [1, 5, 64])
def test_only_the_face_changes(tmp_path: Path, clip: Path, bundle: Path, batch: int) -> None:
    out = tmp_path / "out.mp4"
    summary = run_to_completion(convert(clip, bundle, out, ConvertOptions(batch_size=batch)))
    assert (summary.frames, summary.swapped_frames, summary.provider) == (12, 10, "cpu")
    before, after = list(read_frames(clip)), list(read_frames(out))
    assert [f.seconds for f in after] == [f.seconds for f in before]
    assert packets(out) == packets(clip)
    for number, (a, b) in enumerate(zip(before, after, strict=True)):
        changed = np.abs(a.rgb.astype(int) - b.rgb).max(-1) > 60
        corner = changed[:60, :60].any() or changed[:60, -60:].any()
        assert not corner
        # The bundle inverts the face: the cheeks turn dark and blue.
        assert changed[130:230, 110:210].mean() > 0.3 if number not in (4, 5) else not changed.any()


def test_the_batch_size_changes_nothing_visible(tmp_path: Path, clip: Path, bundle: Path) -> None:
    outs = []
    for batch in (1, 7):
        out = tmp_path / f"{batch}.mkv"
        run_to_completion(convert(clip, bundle, out, ConvertOptions(batch_size=batch)))
        outs.append(np.stack([f.rgb for f in read_frames(out)]).astype(int))
    # The detector's sums differ in the last bit, which becomes a level or two in the encoder.
    assert np.abs(outs[0] - outs[1]).mean() < 0.3


def test_a_rotated_video_is_swapped_upright_and_stays_rotated(
    tmp_path: Path, sample: Path, bundle: Path
) -> None:
    pictures = [
        np.ascontiguousarray(np.rot90(f.rgb, -1)) for f in read_frames(sample / "target_ada.mp4")
    ][:3]
    clip = make_clip(tmp_path / "phone.mp4", pictures, rotation=90)
    summary = run_to_completion(convert(clip, bundle, tmp_path / "out.mp4", ConvertOptions()))
    info = probe_video(tmp_path / "out.mp4")
    assert (summary.swapped_frames, info.orientation.rotation) == (3, 90)
    shown = info.orientation.to_upright(next(iter(read_frames(tmp_path / "out.mp4"))).rgb)
    plain = next(iter(read_frames(sample / "target_ada.mp4"))).rgb
    assert np.abs(shown[130:230, 110:210].astype(int) - plain[130:230, 110:210]).mean() > 40
    assert np.abs(shown[:60].astype(int) - plain[:60]).mean() < 6


def test_select_all_and_select_largest(tmp_path: Path, sample: Path, bundle: Path) -> None:
    frame = next(iter(read_frames(sample / "target_ada.mp4"))).rgb
    small = np.full_like(frame, 100)
    small[80:240, 80:240] = frame[::2, ::2]
    clip = make_clip(tmp_path / "two.mp4", [np.concatenate([frame, small], 1)] * 2)
    changed = {}
    for select in ("largest", "all"):
        out = tmp_path / f"{select}.mp4"
        summary = run_to_completion(convert(clip, bundle, out, ConvertOptions(select=select)))
        assert summary.other_faces == (select == "largest")
        pairs = zip(read_frames(clip), read_frames(out), strict=True)
        first, second = next((a.rgb.astype(int), b.rgb) for a, b in pairs)
        difference = np.abs(first - second).max(-1) > 60
        changed[select] = difference[:, :320].any(), difference[:, 320:].any()
    assert changed == {"largest": (True, False), "all": (True, True)}


def test_without_any_face_nothing_is_left(tmp_path: Path, bundle: Path) -> None:
    clip = make_clip(tmp_path / "empty.mp4", wave_images(5))
    with pytest.raises(NoFaceFound, match=r"empty\.mp4"):
        run_to_completion(convert(clip, bundle, tmp_path / "out.mp4", ConvertOptions()))
    assert {p.name for p in tmp_path.iterdir()} == {"empty.mp4"}


def test_stopping_in_the_first_segment_leaves_nothing(
    tmp_path: Path, clip: Path, bundle: Path
) -> None:
    work = convert(clip, bundle, tmp_path / "out.mp4", ConvertOptions(batch_size=2))
    next(work)
    assert {p.name for p in tmp_path.iterdir()} == {".out.mp4.lock", ".out.mp4.work"}
    work.close()
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_kept_without_force(tmp_path: Path, clip: Path, bundle: Path) -> None:
    (tmp_path / "out.mp4").write_text("mine")
    with pytest.raises(UsageError, match="--force"):
        run_to_completion(convert(clip, bundle, tmp_path / "out.mp4", ConvertOptions()))
    assert (tmp_path / "out.mp4").read_text() == "mine"
    run_to_completion(convert(clip, bundle, tmp_path / "out.mp4", ConvertOptions(force=True)))
    assert probe_video(tmp_path / "out.mp4").frame_count == 12


def test_the_target_is_never_overwritten(tmp_path: Path, clip: Path, bundle: Path) -> None:
    target = tmp_path / "mine.mp4"
    target.write_bytes(clip.read_bytes())
    with pytest.raises(UsageError, match="is the input itself"):
        run_to_completion(convert(target, bundle, target, ConvertOptions(force=True)))
    assert target.read_bytes() == clip.read_bytes()


@pytest.mark.parametrize("read", ["reference", "exclude", "bundle"])
def test_nothing_that_is_read_is_overwritten(
    tmp_path: Path, clip: Path, bundle: Path, read: str
) -> None:
    out = bundle / "old.png" if read == "bundle" else tmp_path / "face.png"
    out.write_text("mine")
    pictures = {} if read == "bundle" else {read: (out,)}
    options = ConvertOptions(force=True, **pictures)  # type: ignore[arg-type]
    try:
        with pytest.raises(UsageError, match=r"is the input itself|is a file of the input"):
            run_to_completion(convert(clip, bundle, out, options))
        assert out.read_text() == "mine"
    finally:
        out.unlink()


@pytest.mark.parametrize(
    ("target", "bundle_name", "out", "error"),
    [
        ("missing.mp4", "ben.bundle", "o.mp4", UsageError),
        ("text.mp4", "ben.bundle", "o.mp4", MediaUnreadable),
        ("clip", "no.bundle", "o.mp4", ArtifactRefused),
        ("clip", "ben.bundle", "o.avi", UsageError),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    tmp_path: Path,
    clip: Path,
    bundle: Path,
    target: str,
    bundle_name: str,
    out: str,
    error: type[Exception],
) -> None:
    (tmp_path / "text.mp4").write_text("text")
    path = clip if target == "clip" else tmp_path / target
    with pytest.raises(error):
        run_to_completion(
            convert(path, bundle.with_name(bundle_name), tmp_path / out, ConvertOptions())
        )
    assert {p.name for p in tmp_path.iterdir()} == {"text.mp4"}
