"""`--version` names what runs below Faceloom, and what is missing or does not start."""

import importlib
import sys
from typing import Any

import av
import cv2
import onnxruntime
import pytest

from faceloom import __version__
from faceloom.doctor.versions import version_lines


def test_every_library_is_named_with_its_version() -> None:
    lines = list(version_lines())
    assert lines[0] == f"faceloom {__version__}"
    assert lines[1].startswith(f"Python {sys.version_info.major}.{sys.version_info.minor}.")
    assert lines[2].startswith(f"onnxruntime {onnxruntime.__version__} (providers: ")
    assert "cpu" in lines[2]
    assert lines[3] == f"OpenCV {cv2.__version__}"
    assert lines[4] == f"PyAV {av.__version__} with FFmpeg {av.ffmpeg_version_info}"


@pytest.mark.parametrize(
    ("module", "error", "sentence"),
    [
        (
            "onnxruntime",
            ModuleNotFoundError("No module named 'onnxruntime'"),
            "onnxruntime is not installed; run: ",
        ),
        ("cv2", ImportError("libGL.so.1: cannot open\nmore"), "(libGL.so.1: cannot open)"),
        ("av", OSError(), "PyAV does not start (OSError())"),
    ],
)
def test_a_library_that_does_not_start_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, error: Exception, sentence: str
) -> None:
    found = importlib.import_module

    def import_module(name: str, package: str | None = None) -> Any:
        if name == module:
            raise error
        return found(name, package)

    monkeypatch.setattr(importlib, "import_module", import_module)
    monkeypatch.delitem(sys.modules, module)
    assert sentence in "\n".join(version_lines())
