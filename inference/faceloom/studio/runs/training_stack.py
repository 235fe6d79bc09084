"""Whether this installation can train and export; the runtime imports none of these packages."""

import importlib.util
from importlib.metadata import entry_points

from faceloom.installation import extras_advice

_GROUP = "faceloom.commands"
# Packages without which a command of the group does not start, and the extras that bring them.
_TRAINING = ("train", ("keras", "tensorflow", "yaml"), "train")
_EXPORT = ("export", ("keras", "tensorflow", "tf2onnx"), "train,export")


def training_advice() -> str:
    """Return what to install to train; empty if it is installed."""
    return _advice("Training", *_TRAINING)


def export_advice() -> str:
    """Return what to install to export; empty if it is installed."""
    return _advice("Export", *_EXPORT)


def demo_advice() -> str:
    """Return what to install to train and export; empty if it is installed."""
    return training_advice() or export_advice()


def _advice(what: str, command: str, packages: tuple[str, ...], extras: str) -> str:
    is_known = bool(entry_points(group=_GROUP, name=command))
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if is_known and not missing:
        return ""
    reason = f"the package {missing[0]}" if missing else f"the command faceloom {command}"
    return f"{what} needs {reason}, which is not installed; {extras_advice(extras)}"
