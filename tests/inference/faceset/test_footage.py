"""Footage that cannot be read, or only in part, is passed over, counted and named."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.faceset import ExtractOptions, FaceSet, extract
from faceloom.faceset.footage import list_footage
from faceloom.image_io import write_png
from faceloom.progress import run_to_completion
from faceloom.video import output_warnings, probe_source, read_frames
from faceloom.video.decoding.intact_frames import read_intact_frames
from faceloom.video.encoding.encoders import DEFAULT_ENCODING
from faceloom.video.folder import PassedOver, passed_over_sentence

# What a folder may contain besides footage: how it is made, and the reason that is given.
OTHERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "._clip.mp4": (lambda path: path.write_bytes(b"\0\x05\x16\x07\0\x02\0\0"), "metadata of macOS"),
    "dead.mp4": (lambda path: path.symlink_to("nowhere.mp4"), "a link to a file that does not"),
    "empty.mp4": (lambda path: path.touch(), "empty"),
    "notes.txt": (lambda path: path.write_text("x"), "not a video or picture"),
    "photo.cr2": (lambda path: path.write_text("x"), "not a video or picture"),
    "sub": (lambda path: path.mkdir(), "a folder"),
    "text.mp4": (lambda path: path.write_text("x"), "is not a video that FFmpeg can read"),
}


@pytest.fixture
def footage(tmp_path: Path, cases: Path) -> Path:
    """A folder with a phone's photo and everything that is not read."""
    folder = tmp_path / "footage"
    folder.mkdir()
    shutil.copy(cases / "grid.heic", folder / "IMG_0001.HEIC")
    for name, (write, _) in OTHERS.items():
        write(folder / name)
    return folder


def test_a_folder_names_what_it_does_not_read(footage: Path) -> None:
    found = list_footage([footage])
    assert [file.path.name for file in found.files] == ["IMG_0001.HEIC"]
    reasons = {passed.path.name: passed.reason for passed in found.passed_over}
    assert reasons.keys() == OTHERS.keys()
    for name, (_, reason) in OTHERS.items():
        assert reasons[name].startswith(reason)


@pytest.mark.parametrize("name", ["._clip.mp4", "empty.mp4", "notes.txt", "text.mp4"])
def test_the_only_input_is_refused_if_it_cannot_be_read(footage: Path, name: str) -> None:
    with pytest.raises(MediaUnreadable, match=name):
        list_footage([footage / name])


def test_named_files_are_passed_over_too(footage: Path) -> None:
    files = [footage / name for name in ("IMG_0001.HEIC", "text.mp4", "dead.mp4")]
    assert [file.path.name for file in list_footage(files).passed_over] == ["text.mp4", "dead.mp4"]
    with pytest.raises(UsageError, match="does not exist"):
        list_footage([footage / "IMG_0001.HEIC", footage / "no.mp4"])


def test_a_folder_without_footage_says_what_it_contains(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UsageError, match=r"notes\.txt \(not a video or picture\)"):
        list_footage([tmp_path])


def test_long_lists_are_cut() -> None:
    files = [PassedOver(Path(f"{n}.txt"), "not a video") for n in range(20)]
    sentence = passed_over_sentence(files, 30)
    assert sentence.startswith("20 of 30 files are not read: 0.txt (not a video), 1.txt")
    assert sentence.endswith("11.txt (not a video), and 8 more.")


def test_the_frames_around_a_damage_are_read(cases: Path) -> None:
    damages: list[str] = []
    frames = list(read_intact_frames(cases / "corrupt_zero.mp4", damages.append))
    # 75 frames; the packet of one is zeros.
    assert [frame.index for frame in frames] == list(range(74))
    assert 32 * 512 not in {frame.pts for frame in frames}
    (damage,) = damages
    assert "cannot be decoded after" in damage
    with pytest.raises(MediaUnreadable, match=r"--range :\d+") as refused:
        list(read_frames(cases / "corrupt_zero.mp4"))
    stop = int(str(refused.value).rpartition(":")[2].rstrip("."))
    assert len(list(read_frames(cases / "corrupt_zero.mp4", stop=stop))) == stop


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.process)])
@pytest.mark.long
def test_extraction_goes_on_after_damage(
    tmp_path: Path,
    cases: Path,
    sample: Path,
    caplog: pytest.LogCaptureFixture,
    workers: int,
) -> None:
    picture = next(read_frames(sample / "target_ada.mp4")).rgb
    write_png(tmp_path / "good.png", picture)
    (tmp_path / "text.mp4").write_text("x")
    inputs = [cases / "corrupt_zero.mp4", cases / "trunc_base.jpg", tmp_path]
    options = ExtractOptions("ada", every=8, workers=workers)
    summary = run_to_completion(extract(inputs, tmp_path / "faces", options))
    frames = [row.frame for row in FaceSet.read(tmp_path / "faces").rows if row.file == 0]
    assert (min(frames), max(frames)) == (0, 72)
    assert [text.split()[0] for text in summary.passed_over] == ["text.mp4", "trunc_base.jpg"]
    assert [text.split()[0] for text in summary.damaged] == ["corrupt_zero.mp4"]
    assert "2 of 4 files are not read: text.mp4 (" in caplog.text
    assert "corrupt_zero.mp4 cannot be decoded after" in caplog.text


def test_a_converted_folder_names_what_it_does_not_read(footage: Path, tmp_path: Path) -> None:
    warnings = output_warnings(tmp_path / "out", probe_source(footage), DEFAULT_ENCODING)
    assert any("7 of 8 files are not read: ._clip.mp4 (metadata" in line for line in warnings)
