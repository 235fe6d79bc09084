"""What a run says of itself (`faceloom inspect`)."""

import re
from pathlib import Path
from typing import Any

from faceloom_train.runs.run_directory import Run

_STEP = re.compile(r"step-[0-9]{8,12}")


def describe_run(directory: Path) -> dict[str, Any]:
    """Return a run's identities, how far it is, its settings' checksum, consent and license.

    Raises ArtifactRefused if `directory` is no run.
    """
    # Keras, which checkpoints need, takes seconds to load: their names alone say the step.
    run = Run.read(directory)
    settings = run.settings
    saved = sorted(
        path.name
        for path in (directory / "checkpoints").glob("step-*")
        if _STEP.fullmatch(path.name)
    )
    return {
        "identities": list(run.identities),
        "faces": {name: str(path) for name, path in run.faces.items()},
        "network": settings.network.kind,
        "size": settings.network.size,
        "coverage": settings.coverage,
        "hide_background": settings.hide_background,
        "steps": int(saved[-1].removeprefix("step-")) if saved else 0,
        "of_steps": settings.steps,
        "precision": settings.precision,
        "settings_sha256": settings.sha256(),
        "consent": settings.consent
        and settings.consent.model_dump(mode="json", exclude_defaults=True),
        "license": settings.license,
    }
