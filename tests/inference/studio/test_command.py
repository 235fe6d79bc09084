"""`faceloom studio`: what it refuses before it serves, and how it ends."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from faceloom.cli.studio import studio_command
from faceloom.errors import ProviderMissing

# The test fixture `faceloom` runs a command in this process: exit code, output, messages.
Command = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_a_missing_package_is_named_with_the_extra(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name.split(".")[0] == package or name.startswith("faceloom.studio.web"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ProviderMissing, match=r"faceloom\[studio\]"):
        studio_command(tmp_path / "project", root=None)
    assert not (tmp_path / "project").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["file"], "is a file"),
        (["other"], "contains other files"),
        (["new", "--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),
    ],
)
def test_what_cannot_be_served_is_refused(
    faceloom: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("other").mkdir()
    Path("other/file").touch()
    code, _, errors = faceloom("studio", *arguments, "--port", 0, "--no-browser")
    assert (code, message in errors) == (2, True)
    assert not Path("new").exists()


@pytest.mark.process
def test_ctrl_c_ends_the_studio(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "faceloom", "studio", str(tmp_path / "new"), "--port", "0"]
    process = subprocess.Popen([*command, "--no-browser"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "http://localhost:" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) in (0, 130)
    process.stdout.close()
    assert (tmp_path / "new/studio.json").exists()
