"""The program of the standalone folder explains a folder that is incomplete."""

import runpy
import sys
from pathlib import Path

import pytest

START = Path(__file__).parents[3] / "inference/standalone/start.py"


@pytest.mark.parametrize("arguments", [["verify", "a.mp4"], ["-P", "-m", "faceloom", "verify"]])
def test_missing_library_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    package = tmp_path / "faceloom"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("raise ImportError('libav.so.62:\\nfile too short')")
    for name in [name for name in sys.modules if name.partition(".")[0] == "faceloom"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "argv", ["faceloom", *arguments])
    monkeypatch.setattr(sys, "executable", "/opt/faceloom/faceloom")
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(START), run_name="__main__")
    assert end.value.code == 4
    assert capsys.readouterr().err == (
        "faceloom: /opt/faceloom is incomplete (libav.so.62: file too short); unpack the archive "
        "again.\n"
    )


def test_other_modules_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["faceloom", "-P", "-m", "http.server"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(START), run_name="__main__")
    assert end.value.code == 2
    assert "http.server is not a module of Faceloom" in capsys.readouterr().err
