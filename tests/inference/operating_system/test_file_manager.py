"""Show a file in the file manager of each desktop."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faceloom.errors import UsageError
from faceloom.operating_system.file_manager import show_in_file_manager

FILE = Path("/films/swap.mp4")


@pytest.mark.parametrize(
    ("platform", "display", "command"),
    [
        ("darwin", "", ["open", "-R", "/films/swap.mp4"]),
        ("win32", "", ["explorer", "/select,", "/films/swap.mp4"]),
        ("linux", ":0", ["/usr/bin/xdg-open", "/films"]),
        ("linux", "", None),
    ],
)
def test_each_desktop_has_its_command(
    monkeypatch: pytest.MonkeyPatch, platform: str, display: str, command: list[str] | None
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "Popen", lambda words, **_: started.append(words))
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    if command is None:
        with pytest.raises(UsageError, match=r"the file is /films/swap\.mp4"):
            show_in_file_manager(FILE)
        assert not started
    else:
        show_in_file_manager(FILE)
        assert started == [command]
