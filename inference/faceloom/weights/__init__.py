"""The face models that ship with Faceloom, each checked against its SHA-256 when it is opened.

Their origins and licences are in `LICENSES.md` beside them.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from faceloom.digest import sha256_of_file
from faceloom.errors import ArtefactRefused


@dataclass(frozen=True, slots=True)
class Weights:
    """A vendored ONNX file and the checksum it must have."""

    file: str
    sha256: str

    def read_path(self) -> Path:
        """Return the file's path; raise ArtefactRefused if it is missing or was changed."""
        path = Path(str(files(__package__))) / self.file
        if not path.is_file() or sha256_of_file(path) != self.sha256:
            raise ArtefactRefused(f"{path} is missing or damaged; reinstall faceloom.")
        return path


RETINAFACE_MOBILENET = Weights(
    "retinaface_mobilenet025.onnx", "b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5"
)
YUNET = Weights("face_detection_yunet_2023mar.onnx", "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4")
FACE_MESH = Weights(
    "mediapipe_face_landmark_468.onnx", "2a0f4767bd3dc7c14d0669508c0ca0fafc6b0988c7d53005b7913127590aa1ab"
)
MOBILEFACENET = Weights("mobilefacenet_192.onnx", "ce26e22b132697a0fad85a8457f0021ec92c015855fe493bee7bdd8c0a424211")
