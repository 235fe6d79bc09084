"""The face models that ship with Faceloom, each verified against its SHA-256 when it is opened.

Origins and licenses: `LICENSES.md` in this folder. May import the root modules.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from faceloom.errors import ArtifactRefused
from faceloom.hashing import sha256_of_file


@dataclass(frozen=True, slots=True)
class Weights:
    """A vendored ONNX file."""

    file: str
    """File name in this folder."""
    sha256: str
    """Expected checksum, 64 lower-case hexadecimal digits."""

    def verified_path(self) -> Path:
        """Verify the file.

        Returns:
            Its path.

        Raises:
            ArtifactRefused: The file is missing or was changed.
        """
        path = Path(str(files(__package__))) / self.file
        if not path.is_file() or sha256_of_file(path) != self.sha256:
            raise ArtifactRefused(f"{path} is missing or damaged; reinstall faceloom.")
        return path


RETINAFACE_MOBILENET = Weights(
    "retinaface_mobilenet025.onnx",
    "b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5",
)
YUNET = Weights(
    "face_detection_yunet_2023mar.onnx",
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
)
FACE_MESH = Weights(
    "mediapipe_face_landmark_468.onnx",
    "ac5c7b5c7ca3dea65588fef2f096f6dfa5abc961d2c50a11bf611ca63a812d06",
)
FACE_LANDMARKS_478 = Weights(
    "mediapipe_face_landmarks_478.onnx",
    "6cfe5d5773a61b9056fcb91a8dc14b4bf41a36c792b49268169f7bd7c968e972",
)
FACE_BLENDSHAPES = Weights(
    "mediapipe_face_blendshapes_52.onnx",
    "22ed22a585c44c482c272a8b008872f5c5a76e8c8ee560596ccbb343bbec5426",
)
FACE_PARSER = Weights(
    "face_parser.onnx", "0b4efb220fa0025e18b1d5484e27e76c1db8b71823bbd38c36c1d536ad3fc906"
)
MOBILEFACENET = Weights(
    "mobilefacenet_192.onnx", "fd21a70b0b7a5d66bacc0c98d488dbea26e01d7743ae8023d524835cfaaf4d96"
)
