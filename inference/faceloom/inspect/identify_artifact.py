"""Identify an artifact by its files, and describe it."""

from importlib.metadata import entry_points
from pathlib import Path

from faceloom.artifact_kind import Purpose, check_kind
from faceloom.errors import ArtifactRefused, ProviderMissing
from faceloom.faceset.store import FACESET_FILE
from faceloom.inspect.artifacts import (
    describe_bundle,
    describe_face_set,
    describe_onnx,
    describe_project,
)
from faceloom.inspect.inspection import Inspection
from faceloom.installation import extras_advice
from faceloom.project.project_folder import PROJECT_FILE
from faceloom.swap.bundle import MANIFEST_FILE

# The entry-point group of descriptions by other packages: a run's configuration is YAML, which the
# runtime does not read.
_GROUP = "faceloom.inspect"
# The entry point that describes a run.
_RUN = "run"
# The file that identifies a run.
_RUN_FILE = "config.yaml"
# Extensions of ONNX files.
_ONNX_EXTENSIONS = (".dfm", ".onnx")


def inspect_path(path: Path) -> Inspection:
    """Describe a bundle, zipped bundle, .dfm, .onnx, face set, run or project.

    Args:
        path: The artifact.

    Returns:
        Its kind and contents.

    Raises:
        ArtifactRefused: It is none of these, or it is damaged.
        ProviderMissing: It is a run, and the trainer is not installed.
    """
    if not path.exists():
        raise ArtifactRefused(f"{path} does not exist; check the path.")
    check_kind(path, Purpose.ARTIFACT)
    if path.is_file():
        extension = path.suffix.lower()
        if extension in _ONNX_EXTENSIONS:
            kind = "dfm" if extension == ".dfm" else "graph"
            return Inspection(kind, path, describe_onnx(path))
        return Inspection("zipped bundle", path, describe_bundle(path))
    if (path / MANIFEST_FILE).is_file():
        return Inspection("bundle", path, describe_bundle(path))
    if (path / FACESET_FILE).is_file():
        return Inspection("face set", path, describe_face_set(path))
    if (path / _RUN_FILE).is_file():
        return _inspect_run(path)
    if (path / PROJECT_FILE).is_file():
        return Inspection("project", path, describe_project(path))
    raise ArtifactRefused(
        f"{path} is not a bundle, face set, run or project: it has no {MANIFEST_FILE}, "
        f"{FACESET_FILE}, {_RUN_FILE} or {PROJECT_FILE}; check the path."
    )


def _inspect_run(path: Path) -> Inspection:
    for point in entry_points(group=_GROUP, name=_RUN):
        try:
            describe = point.load()
        except ModuleNotFoundError:
            continue
        return Inspection("run", path, describe(path))
    raise ProviderMissing(
        f"{path} is a run, which only the trainer reads; {extras_advice('train')}"
    )
