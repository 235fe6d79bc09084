"""Faceloom's runtime: read video, find faces, run a bundle, write video.

The Python API is `convert` and `extract`; the command line offers more. Nothing in this package
imports the training stack. The contracts that training and export share (face sets, bundles, crop
geometry, video) are defined here.
"""

import os
from importlib import import_module

# Everything else is imported on first use: until `faceloom.__main__` runs, Ctrl-C prints a
# traceback, and each import makes that time longer. Type checkers take this name for true.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any

    from faceloom.errors import FaceloomError
    from faceloom.faceset import ExtractOptions, ExtractSummary
    from faceloom.progress import Progress, ProgressCallback
    from faceloom.swap import ConvertOptions, ConvertSummary

# The largest picture that OpenCV opens, in pixels: 16,384 a side. Its own limit, 2**30 pixels,
# takes 3 GB, which a file of 3 MB can claim. OpenCV reads the variable when it is imported, so it
# is set before any module imports it.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**28))

# onnxruntime 1.31 and later send telemetry on Linux by default. It reads this variable when it is
# imported, so it is set before any module imports it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"

# Where the names that are imported on first use are defined.
_LAZY = {
    "ConvertOptions": "faceloom.swap",
    "ConvertSummary": "faceloom.swap",
    "ExtractOptions": "faceloom.faceset",
    "ExtractSummary": "faceloom.faceset",
    "FaceloomError": "faceloom.errors",
    "Progress": "faceloom.progress",
}

__all__ = [
    "ConvertOptions",
    "ConvertSummary",
    "ExtractOptions",
    "ExtractSummary",
    "FaceloomError",
    "Progress",
    "__version__",
    "convert",
    "extract",
]

# Options that hold paths of pictures.
_PICTURE_OPTIONS = ("reference", "exclude")


def __getattr__(name: str) -> "Any":
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def convert(
    target: "str | Path",
    bundle: "str | Path",
    out: "str | Path",
    *,
    on_progress: "ProgressCallback | None" = None,
    **options: "Any",
) -> "ConvertSummary":
    """Swap the faces of a video for the face of a bundle; the same as `faceloom convert`.

    Example:
        >>> import faceloom
        >>> summary = faceloom.convert("clip.mp4", "ben.bundle", "swapped.mp4", color="rct")
        >>> summary.swapped_frames
        75

    Args:
        target: a video, a picture or a folder of pictures.
        bundle: the bundle, a folder or a .zip.
        out: the output's name; its extension chooses the container.
        on_progress: called with a `Progress` after each batch of frames.
        **options: fields of `ConvertOptions`.

    Returns:
        What was done.

    Raises:
        TypeError: an option does not exist.
        FaceloomError: one of its subclasses says in a sentence what is wrong and what to do; then
            there is no output.
    """
    from pathlib import Path  # noqa: PLC0415  imported on first use

    from faceloom.progress import run_to_completion  # noqa: PLC0415
    from faceloom.swap import ConvertOptions, convert  # noqa: PLC0415

    chosen = ConvertOptions(**_with_paths(options))
    work = convert(Path(target), Path(bundle), Path(out), chosen)
    return run_to_completion(work, on_progress or _ignore)


def extract(
    footage: "str | Path | Iterable[str | Path]",
    out: "str | Path",
    name: str,
    *,
    on_progress: "ProgressCallback | None" = None,
    **options: "Any",
) -> "ExtractSummary":
    """Collect one person's faces in a face set; the same as `faceloom extract`.

    Example:
        >>> import faceloom
        >>> summary = faceloom.extract(["ben1.mp4", "ben2.mp4"], "faces/ben", "ben", every=5)
        >>> summary.faces
        240

    Args:
        footage: one or several videos, pictures or folders.
        out: the folder of the face set.
        name: the person's name.
        on_progress: called with a `Progress` as the work goes on.
        **options: fields of `ExtractOptions` but `name`.

    Returns:
        What was found.

    Raises:
        TypeError: an option does not exist.
        FaceloomError: one of its subclasses says in a sentence what is wrong and what to do.
    """
    from pathlib import Path  # noqa: PLC0415  imported on first use

    from faceloom.faceset import ExtractOptions, extract  # noqa: PLC0415
    from faceloom.progress import run_to_completion  # noqa: PLC0415

    inputs = [footage] if isinstance(footage, str | Path) else list(footage)
    chosen = ExtractOptions(name=name, **_with_paths(options))
    work = extract([Path(path) for path in inputs], Path(out), chosen)
    return run_to_completion(work, on_progress or _ignore)


def _with_paths(options: "dict[str, Any]") -> "dict[str, Any]":
    """Convert the options that hold pictures to tuples of paths."""
    from pathlib import Path  # noqa: PLC0415  imported on first use

    paths = {
        name: tuple(Path(path) for path in options[name])
        for name in _PICTURE_OPTIONS
        if name in options
    }
    return options | paths


def _ignore(progress: "Progress") -> None:
    """Ignore progress."""
