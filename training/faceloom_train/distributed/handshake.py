"""The first worker sends its settings to the others, so that all train the same."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import faceloom
from faceloom.errors import UsageError
from faceloom.faceset import FaceSet
from faceloom.faceset.corrections.correction_files import mask_path
from faceloom.json_documents import StrictModel
from faceloom_train.config.schema import TrainConfig
from faceloom_train.distributed.strategy import DeviceStrategy


class SharedConfig(StrictModel):
    """What all workers must agree on."""

    version: str
    """Version of Faceloom."""
    settings: TrainConfig
    """The run's settings."""
    face_sets: dict[str, str]
    """SHA-256 checksum of each identity's face set, in the order of the decoders."""


def broadcast_config(
    strategy: DeviceStrategy, settings: TrainConfig, faces: Mapping[str, Path]
) -> None:
    """Send the configuration from the first worker to the others.

    Args:
        strategy: This worker's devices; nothing happens if there is one worker.
        settings: The run's settings.
        faces: Face set of each identity.

    Raises:
        UsageError: Another worker has another version or other face sets.
    """
    if strategy.any_worker is None:
        return
    config = SharedConfig(
        version=faceloom.__version__, settings=settings, face_sets=_checksums(faces)
    )
    strategy.broadcast(config.model_dump_json())
    if strategy.any_worker(False):
        raise UsageError("Another worker cannot join; see that worker's own log for the cause.")


def receive_config(strategy: DeviceStrategy, faces: Mapping[str, Path]) -> SharedConfig:
    """Receive the configuration of the first worker.

    Args:
        strategy: This worker's devices.
        faces: Face set of each identity on this machine.

    Raises:
        UsageError: The first worker has another version or other face sets.
    """
    assert strategy.any_worker is not None, "receive_config needs several workers"
    config = SharedConfig.model_validate_json(strategy.broadcast(""))
    problem = _find_difference(config, faces)
    strategy.any_worker(problem is not None)
    if problem:
        raise UsageError(problem)
    return config


def _find_difference(config: SharedConfig, faces: Mapping[str, Path]) -> str | None:
    if config.version != faceloom.__version__:
        return (
            f"The first worker has Faceloom {config.version}, this one {faceloom.__version__}; "
            "install the same version."
        )
    if list(config.face_sets) != list(faces):
        return (
            f"The first worker trains {', '.join(config.face_sets)}, this one has the faces of "
            f"{', '.join(faces)}; pass the same --faces to both."
        )
    for name, checksum in _checksums(faces).items():
        if config.face_sets[name] != checksum:
            return (
                f"{faces[name]} is not the face set that the first worker has of {name}; copy it "
                "from there."
            )
    return None


def _checksums(faces: Mapping[str, Path]) -> dict[str, str]:
    return {name: _checksum(FaceSet.read(path)) for name, path in faces.items()}


def _checksum(faceset: FaceSet) -> str:
    """Hash rows and painted masks; decoded pixels may differ in the last bit between machines."""
    checksum = hashlib.sha256("".join(row.model_dump_json() for row in faceset.rows).encode())
    for image in sorted(faceset.corrections.painted):
        checksum.update(image.encode() + mask_path(faceset.directory, image).read_bytes())
    return checksum.hexdigest()
