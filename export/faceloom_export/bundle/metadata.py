"""What is recorded of a trained model in its ONNX file."""

from faceloom import __version__
from faceloom.provenance.metadata import to_metadata
from faceloom.swap.bundle.manifest import Precision
from faceloom_train.runs.run_directory import Run


def provenance(run: Run, identity: str, step: int, precision: Precision) -> dict[str, str]:
    """Return the metadata of a graph of a run's identity at a step; what the run does not say is left out."""
    settings = run.settings
    return to_metadata(
        {
            "version": __version__,
            "identity": identity,
            "identities": ", ".join(run.identities),
            "network": settings.network.kind,
            "steps": str(step),
            "precision": precision,
            "settings_sha256": settings.sha256(),
            "consent": settings.consent.to_text() if settings.consent else None,
            "license": settings.license,
        }
    )
