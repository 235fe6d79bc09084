"""The TARGETs of `faceloom convert`: which of them cannot be one."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from faceloom.artifact_kind import Kind, identify_kind
from faceloom.errors import UsageError


def refuse_bundle_as_target(targets: Sequence[Path]) -> None:
    """Refuse a bundle among several TARGETs, and say how the command is written.

    Args:
        targets: The TARGETs.

    Raises:
        UsageError: One is a bundle.
    """
    if len(targets) < 2:
        return
    bundles = [path for path in targets if identify_kind(path) is Kind.BUNDLE]
    if not bundles:
        return
    others = [str(path) for path in targets if path not in bundles] or ["TARGET"]
    # Without options, the last one is what the user wants to write.
    inputs, out = (others[:-1], others[-1]) if len(others) > 1 else (others, "OUT")
    command = ["faceloom", "convert", *inputs, "--bundle", str(bundles[0]), "--out", out]
    raise UsageError(f"{bundles[0]} is a bundle: {shlex.join(command)}")


def single_target(targets: Sequence[Path] | None) -> Path:
    """Return the only TARGET.

    Args:
        targets: The TARGETs.

    Raises:
        UsageError: There is none, or more than one.
    """
    if not targets:
        raise UsageError("Give a TARGET: a video, a GIF, a picture or a folder of pictures.")
    if len(targets) > 1:
        raise UsageError(f"Give one TARGET instead of {len(targets)}.")
    return targets[0]
