"""The versions of Faceloom and of the libraries that it uses, for `--version` and bug reports."""

import importlib
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from faceloom import __version__
from faceloom.installation import extras_advice, find_installation


def version_lines() -> Iterator[str]:
    """Yield the versions of Faceloom, of Python and of the libraries.

    Yields:
        Lines without line ends; the first is "faceloom VERSION". The line of a library that is
        missing or cannot be imported says so.
    """
    yield f"faceloom {__version__}"
    installer = find_installation(Path(sys.prefix)).installer
    system = f"{platform.system()} {platform.machine()}"
    yield f"Python {platform.python_version()} on {system} ({installer})"
    yield _onnxruntime()
    yield _library("OpenCV", "cv2")
    yield _pyav()


def _onnxruntime() -> str:
    version = _library("onnxruntime", "onnxruntime")
    if "onnxruntime" not in sys.modules:
        return f"{version}; {extras_advice('cpu')}"
    # Imported here: it imports onnxruntime.
    from faceloom.swap.inference.providers import PROVIDERS, is_available  # noqa: PLC0415

    return f"{version} (providers: {', '.join(filter(is_available, PROVIDERS))})"


def _pyav() -> str:
    version = _library("PyAV", "av")
    ffmpeg = getattr(sys.modules.get("av"), "ffmpeg_version_info", "")
    return f"{version} with FFmpeg {ffmpeg}" if ffmpeg else version


def _library(name: str, module: str) -> str:
    try:
        return f"{name} {importlib.import_module(module).__version__}"
    except ModuleNotFoundError:
        return f"{name} is not installed"
    except Exception as error:  # a missing or damaged native library raises any exception
        reason = (str(error).splitlines() or [repr(error)])[0]
        return f"{name} does not start ({reason})"
