"""Check the optional face detector, whose weights Faceloom does not include."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from faceloom.doctor.check_result import CheckResult
from faceloom.errors import FaceloomError
from faceloom.faces.retinaface_package import RetinaFacePackage, is_package_installed, weights_path
from faceloom.hashing import sha256_of_file
from faceloom.installation import extras_command

_NAME = "detector retina-face"


def check() -> Iterator[CheckResult]:
    """Check whether the optional `retina-face` package runs.

    Yields:
        The result.
    """
    yield _retina_face()


def _retina_face() -> CheckResult:
    path = weights_path()
    if not is_package_installed():
        detail = f"the package is not installed; its weights would be at {path}"
        advice = f"only for --detector retina-face: {extras_command('retina-face')}"
        return CheckResult(_NAME, "missing", detail, advice)
    package = f"package {_version()}"
    if not path.is_file():
        advice = "put the package's retinaface.onnx there"
        return CheckResult(_NAME, "missing", f"{package}, no weights at {path}", advice)
    detail = f"{package}, weights {path}, SHA-256 {sha256_of_file(path)}"
    try:
        RetinaFacePackage().detect([np.zeros((64, 64, 3), np.uint8)])
    except FaceloomError as error:
        return CheckResult(_NAME, "failed", detail, str(error))
    except Exception as error:  # weights of another network fail anywhere inside the package
        return CheckResult(
            _NAME, "failed", detail, f"replace the weights, they do not run ({error})"
        )
    return CheckResult(_NAME, "ok", detail)


def _version() -> str:
    try:
        return version("retina-face")
    except PackageNotFoundError:
        return "of unknown version"
