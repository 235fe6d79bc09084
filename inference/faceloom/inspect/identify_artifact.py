"""Tell what a path is by what lies in it, and ask the room that knows such things."""

from importlib.metadata import entry_points
from pathlib import Path

from faceloom.errors import ArtifactRefused, ProviderMissing
from faceloom.faceset.store import MARKER as FACESET
from faceloom.inspect.artifacts import describe_bundle, describe_faceset, describe_graph
from faceloom.inspect.inspection import Inspection
from faceloom.swap.bundle.bundle import MARKER as BUNDLE

# Runs are written in YAML, which the runtime does not read: whoever can joins through this entry-point group.
_GROUP = "faceloom.inspect"
_RUN, _RUN_FILE = "run", "config.yaml"
_GRAPHS = (".dfm", ".onnx")


def inspect_path(path: Path) -> Inspection:
    """Say what a bundle, zipped bundle, .dfm, face set or run holds and where it comes from.

    Raises ArtifactRefused if it is none, or not whole; ProviderMissing for a run without the trainer.
    """
    if not path.exists():
        raise ArtifactRefused(f"{path} does not exist; check the path.")
    if path.is_file():
        if path.suffix.lower() in _GRAPHS:
            return Inspection(
                "dfm" if path.suffix.lower() == ".dfm" else "graph", path, describe_graph(path)
            )
        return Inspection("zipped bundle", path, describe_bundle(path))
    if (path / BUNDLE).is_file():
        return Inspection("bundle", path, describe_bundle(path))
    if (path / FACESET).is_file():
        return Inspection("face set", path, describe_faceset(path))
    if (path / _RUN_FILE).is_file():
        return _inspect_run(path)
    raise ArtifactRefused(
        f"{path} is no bundle, face set or run: it has no {BUNDLE}, {FACESET} or {_RUN_FILE}."
    )


def _inspect_run(path: Path) -> Inspection:
    for point in entry_points(group=_GROUP, name=_RUN):
        try:
            describe = point.load()
        except ModuleNotFoundError:
            continue
        return Inspection("run", path, describe(path))
    raise ProviderMissing(
        f"{path} is a run, which the trainer reads; run: pip install 'faceloom[train]'"
    )
