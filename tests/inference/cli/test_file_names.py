"""Files of any name: with a colon, in bytes that are not UTF-8, on terminals of any encoding."""

import json
import os
import sys
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip

from faceloom.cli import app
from faceloom.faceset import FaceSet
from faceloom.json_documents import utf8_text
from faceloom.video import probe_video, read_frames

Faceloom = Callable[..., tuple[int, str, str]]

NOT_UTF8 = os.fsdecode(b"caf\xe9.mp4")
NAMES = [
    "2024-01-01T12:30:45.mp4",
    NOT_UTF8,
    "привет мир.mp4",
    "new\nline.mp4",
    "100%d.mp4",
    "-dash.mp4",
    "[a]*.mp4",
    "n" * 200 + ".mp4",
]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> bytes:
    """A clip of three frames."""
    path = tmp_path_factory.mktemp("clip") / "in.mp4"
    make_clip(path, [frame.rgb for frame in read_frames(sample / "target_ada.mp4", stop=3)])
    return path.read_bytes()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "ben.bundle")


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.long
def test_convert_and_verify(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    clip: bytes,
    bundle: Path,
    faceloom: Faceloom,
    name: str,
) -> None:
    """Paths are relative: in these, FFmpeg takes what precedes a colon for a protocol."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(clip)
    out = f"o{name}"
    options = ("--bundle", bundle, f"--out={out}", "--resume", "--json")
    code, stdout, stderr = faceloom("convert", *options, "--", name)
    assert (code, json.loads(stdout)["swapped_frames"]) == (0, 3), stderr
    assert json.loads(stdout)["marks"]["limitations"] == [], stderr
    assert probe_video(Path(out)).frame_count == 3
    code, stdout, _ = faceloom("verify", "--", out)
    assert "ben" in stdout


def test_a_face_set_of_footage_that_is_not_utf8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: bytes, faceloom: Faceloom
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(NOT_UTF8).write_bytes(clip)
    out = os.fsdecode(b"ad\xe0")
    assert faceloom("extract", NOT_UTF8, "--out", out)[0] == 0
    faces = FaceSet.read(Path(out))
    assert (faces.identity, faces.files[0].name) == ("ad\\xe0", "caf\\xe9.mp4")
    code, _, stderr = faceloom("review", out, "--target", NOT_UTF8, "--report", f"{out}.html")
    assert (code, (tmp_path / f"{out}.html").is_file()) == (0, True), stderr


def test_a_terminal_that_lacks_the_letters_of_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = {name: TextIOWrapper(BytesIO(), "cp1252") for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    monkeypatch.setattr(sys, "argv", ["faceloom", "verify", str(tmp_path / "привет.mp4")])
    with pytest.raises(SystemExit) as ended:
        app.main()
    streams["stderr"].flush()
    assert ended.value.code == 2
    assert rb"\u043f\u0440\u0438\u0432\u0435\u0442.mp4" in streams["stderr"].buffer.getvalue()


def test_text_of_a_name() -> None:
    assert [utf8_text(name) for name in ("a.mp4", "ä", NOT_UTF8)] == ["a.mp4", "ä", "caf\\xe9.mp4"]
