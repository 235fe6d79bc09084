"""A conversion that was stopped goes on to the same bytes as one that never was."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip

from faceloom.atomic import write_text
from faceloom.errors import MediaUnreadable, NoFaceFound, PartlyDone, UsageError
from faceloom.image_io import write_png
from faceloom.progress import run_to_completion
from faceloom.provenance import Marking
from faceloom.swap import ConvertOptions, convert
from faceloom.swap.pipeline.analysis_state_io import read_state, write_state
from faceloom.swap.pipeline.resume_store import batch_begun, folder_of
from faceloom.video import FrameRange, read_frames

# A signature is another one each time.
OPTIONS = ConvertOptions(batch=3, segment=12, color="lab", marking=Marking("tags"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "ben.bundle")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """Fifty frames at uneven times, with sound, a cut after frame 29 and no face in frames 20 to 24."""
    pictures = [f.rgb for f in read_frames(sample / "target_ada.mp4") if f.index < 30]
    pictures += [f.rgb for f in read_frames(sample / "target_ben.mp4") if f.index < 20]
    pictures[20:25] = [np.full_like(pictures[0], 90)] * 5
    times = np.cumsum([0] + [40, 33, 50, 40, 90] * 10)[:50].tolist()
    return make_clip(
        tmp_path_factory.mktemp("clips") / "long.mp4", pictures, pts=times, sound_seconds=2.0
    )


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, clip: Path, bundle: Path) -> bytes:
    out = tmp_path_factory.mktemp("unbroken") / "out.mp4"
    run_to_completion(convert(clip, bundle, out, OPTIONS))
    assert [path.name for path in out.parent.iterdir()] == ["out.mp4"]
    return out.read_bytes()


def stop_after(
    clip: Path, bundle: Path, out: Path, frames: int, options: ConvertOptions = OPTIONS
) -> None:
    work = convert(clip, bundle, out, options)
    while next(work).done < frames:
        pass
    work.close()


def test_the_same_command_gives_the_same_bytes(
    tmp_path: Path, clip: Path, bundle: Path, unbroken: bytes
) -> None:
    run_to_completion(convert(clip, bundle, tmp_path / "again.mp4", OPTIONS))
    assert (tmp_path / "again.mp4").read_bytes() == unbroken


@pytest.mark.parametrize(("stops", "resumed_at"), [((13,), 12), ((26,), 24), ((14, 27, 49), 48)])
def test_it_goes_on_to_the_same_bytes(
    tmp_path: Path,
    clip: Path,
    bundle: Path,
    unbroken: bytes,
    stops: tuple[int, ...],
    resumed_at: int,
) -> None:
    out = tmp_path / "out.mp4"
    for frames in stops:
        stop_after(clip, bundle, out, frames, replace(OPTIONS, resume=True))
        assert not out.exists()
        assert folder_of(out).is_dir()
    summary = run_to_completion(convert(clip, bundle, out, replace(OPTIONS, resume=True)))
    assert (summary.frames, summary.swapped_frames, summary.resumed_at) == (50, 45, resumed_at)
    assert out.read_bytes() == unbroken
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_what_nobody_can_go_on_with_is_not_kept(tmp_path: Path, clip: Path, bundle: Path) -> None:
    """A video that came by a pipe is gone with its process."""
    stop_after(clip, bundle, tmp_path / "out.mp4", 26, replace(OPTIONS, resumable=False))
    assert list(tmp_path.iterdir()) == []


def test_a_range_goes_on_too(tmp_path: Path, clip: Path, bundle: Path) -> None:
    options = replace(OPTIONS, stretch=FrameRange.parse("5:47"))
    run_to_completion(convert(clip, bundle, tmp_path / "whole.mkv", options))
    stop_after(clip, bundle, tmp_path / "out.mkv", 30, options)
    run_to_completion(convert(clip, bundle, tmp_path / "out.mkv", replace(options, resume=True)))
    assert (tmp_path / "out.mkv").read_bytes() == (tmp_path / "whole.mkv").read_bytes()


def test_pictures_go_on_beside_their_folder(tmp_path: Path, clip: Path, bundle: Path) -> None:
    out = tmp_path / "frames" / "p_%03d.png"
    options = replace(OPTIONS, stretch=FrameRange.parse("0:20"))
    stop_after(clip, bundle, out, 14, options)
    assert [path.name for path in tmp_path.iterdir()] == [".frames.work"]
    assert (
        run_to_completion(convert(clip, bundle, out, replace(options, resume=True))).resumed_at
        == 12
    )
    assert sorted(path.name for path in out.parent.iterdir()) == [
        f"p_{number:03d}.png" for number in range(20)
    ]


def test_a_killed_process_goes_on(
    tmp_path: Path, clip: Path, bundle: Path, unbroken: bytes
) -> None:
    out = tmp_path / "out.mp4"
    program = (
        "import sys; from pathlib import Path; from faceloom.progress import finish\n"
        "from faceloom.swap import ConvertOptions, convert; a, b, c = map(Path, sys.argv[1:])\n"
        "finish(convert(a, b, c, ConvertOptions(batch=3, segment=12, color='lab')))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(clip), str(bundle), str(out)])
    while process.poll() is None and not (folder_of(out) / "000001.json").exists():
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert not out.exists()
    summary = run_to_completion(convert(clip, bundle, out, replace(OPTIONS, resume=True)))
    assert summary.resumed_at >= 24
    assert out.read_bytes() == unbroken


def test_a_damaged_segment_is_made_again(
    tmp_path: Path, clip: Path, bundle: Path, unbroken: bytes
) -> None:
    out = tmp_path / "out.mp4"
    stop_after(clip, bundle, out, 40)
    second = folder_of(out) / "000002.pictures"
    second.write_bytes(second.read_bytes()[:-1])
    summary = run_to_completion(convert(clip, bundle, out, replace(OPTIONS, resume=True)))
    assert summary.resumed_at == 24
    assert out.read_bytes() == unbroken


def test_what_was_begun_is_neither_lost_nor_mixed(tmp_path: Path, clip: Path, bundle: Path) -> None:
    out = tmp_path / "out.mp4"
    stop_after(clip, bundle, out, 13)
    with pytest.raises(
        UsageError, match=r"12 of its frames are done; add --resume to go on, or --force"
    ):
        run_to_completion(convert(clip, bundle, out, OPTIONS))
    with pytest.raises(UsageError, match=r"begun otherwise \(other: color\)"):
        run_to_completion(convert(clip, bundle, out, replace(OPTIONS, color="none", resume=True)))
    assert folder_of(out).is_dir()
    assert (
        run_to_completion(convert(clip, bundle, out, replace(OPTIONS, force=True))).resumed_at == 0
    )


def test_nothing_is_left_where_going_on_is_no_use(tmp_path: Path, clip: Path, bundle: Path) -> None:
    with pytest.raises(NoFaceFound, match="frame 20 "):
        run_to_completion(
            convert(clip, bundle, tmp_path / "out.mp4", replace(OPTIONS, on_missing="fail"))
        )
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_what_is_done(
    tmp_path: Path, clip: Path, bundle: Path, unbroken: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.mp4"

    def fails_later(path: Path, text: str) -> None:
        if path.name == "000002.json":
            raise PartlyDone("The disk is full.")
        write_text(path, text)

    with monkeypatch.context() as patch:
        patch.setattr("faceloom.swap.pipeline.resume_store.write_text", fails_later)
        with pytest.raises(PartlyDone):
            run_to_completion(convert(clip, bundle, out, OPTIONS))
    assert (
        run_to_completion(convert(clip, bundle, out, replace(OPTIONS, resume=True))).resumed_at
        == 24
    )
    assert out.read_bytes() == unbroken


def test_a_state_is_read_as_it_was_written(tmp_path: Path, clip: Path, bundle: Path) -> None:
    out = tmp_path / "out.mp4"
    stop_after(clip, bundle, out, 26)
    path = folder_of(out) / "000001.npz"
    state = read_state(path)
    write_state(tmp_path / "again.npz", state)
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()
    assert (state.frame, len(state.lead), len(state.found)) == (24, 8, 4)


def test_an_error_that_can_be_mended_keeps_what_is_done(
    tmp_path: Path, clip: Path, bundle: Path, unbroken: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.mp4"
    stop_after(clip, bundle, out, 26)

    def unplugged(*_: object, **__: object) -> None:
        raise MediaUnreadable("The disk is gone.")

    with monkeypatch.context() as patch:
        patch.setattr("faceloom.swap.pipeline.target.read_source", unplugged)
        with pytest.raises(MediaUnreadable):
            run_to_completion(convert(clip, bundle, out, replace(OPTIONS, resume=True)))
    (folder_of(out) / "000001.npz").write_bytes(b"")
    assert (
        run_to_completion(convert(clip, bundle, out, replace(OPTIONS, resume=True))).resumed_at
        == 12
    )
    assert out.read_bytes() == unbroken


def test_two_processes_do_not_work_on_one_output(tmp_path: Path, clip: Path, bundle: Path) -> None:
    first = convert(clip, bundle, tmp_path / "out.mp4", OPTIONS)
    next(first)
    with pytest.raises(UsageError, match="written by another process"):
        run_to_completion(convert(clip, bundle, tmp_path / "out.mp4", replace(OPTIONS, force=True)))
    first.close()


def test_another_person_at_the_same_path_is_noticed(
    tmp_path: Path, sample: Path, clip: Path, bundle: Path
) -> None:
    out, picture = tmp_path / "out.mp4", tmp_path / "who.png"
    options = replace(OPTIONS, reference=(picture,))
    write_png(picture, next(read_frames(sample / "target_ada.mp4")).rgb)
    stop_after(clip, bundle, out, 13, options)
    write_png(picture, next(read_frames(sample / "target_ben.mp4")).rgb)
    with pytest.raises(UsageError, match=r"other: reference"):
        run_to_completion(convert(clip, bundle, out, replace(options, resume=True)))


def test_what_was_tuned_in_between_changes_nothing(
    tmp_path: Path, clip: Path, bundle: Path
) -> None:
    out = tmp_path / "out.mp4"
    stop_after(clip, bundle, out, 13)
    assert batch_begun(out) == 3
    assert (
        run_to_completion(
            convert(clip, bundle, out, replace(OPTIONS, resume=True, batch=None))
        ).resumed_at
        == 12
    )
