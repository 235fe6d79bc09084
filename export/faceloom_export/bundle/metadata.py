"""The metadata that is stored in an exported ONNX file."""

from faceloom import __version__
from faceloom.choices import Precision
from faceloom.provenance.metadata import to_metadata
from faceloom_train.runs.run_directory import Run


def graph_metadata(run: Run, identity: str, step: int, precision: Precision) -> dict[str, str]:
    """Return the ONNX metadata properties of a graph.

    Args:
        run: The exported run.
        identity: The identity whose face the graph renders.
        step: Training step of the exported checkpoint.
        precision: Precision of the graph.

    Returns:
        Property names and values; a value that the run does not have is left out.
    """
    settings = run.settings
    return to_metadata(
        {
            "version": __version__,
            "identity": identity,
            "identities": ", ".join(run.identities),
            "network": settings.network.kind,
            "steps": str(step),
            "precision": precision,
            "config_sha256": settings.sha256(),
            "base": run.base,
            "consent": settings.consent.to_text() if settings.consent else None,
            "license": settings.license,
        }
    )
