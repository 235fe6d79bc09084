"""The description of a run for `faceloom inspect`."""

from pathlib import Path
from typing import Any

from faceloom_train.config.changeable_settings import list_changeable_settings
from faceloom_train.runs.checkpoint_paths import checkpoint_step, list_checkpoints
from faceloom_train.runs.run_directory import Run


def describe_run(directory: Path) -> dict[str, Any]:
    """Describe a run.

    Args:
        directory: Its folder.

    Returns:
        Identities, progress, steps of the checkpoints, the main settings and their checksum,
        consent and license, and the settings that may change (see `list_changeable_settings`).

    Raises:
        ArtifactRefused: `directory` is not a run.
    """
    run = Run.read(directory)
    settings = run.settings
    checkpoints = list_checkpoints(run)
    return {
        "identities": list(run.identities),
        "faces": {name: str(path) for name, path in run.faces.items()},
        "network": settings.network.kind,
        "size": settings.network.size,
        "coverage": settings.coverage,
        "mask_background": settings.mask_background,
        "face_mask": settings.face_mask,
        "step": checkpoint_step(checkpoints[-1]) if checkpoints else 0,
        "checkpoints": [checkpoint_step(path) for path in checkpoints],
        "total_steps": settings.steps,
        "precision": settings.precision,
        "config_sha256": settings.sha256(),
        "base": run.base,
        "consent": settings.consent
        and settings.consent.model_dump(mode="json", exclude_defaults=True),
        "license": settings.license,
        "changeable_settings": list(list_changeable_settings(settings)),
    }
