"""The bundle: the folder or .zip that ships a trained face.

Holds the manifest's data model, the reading and checking of the files, and the comparison of two
sets of outputs. Imports nothing else of `faceloom.swap`, and never runs a graph.
"""

from faceloom.swap.bundle.archive import write_zip
from faceloom.swap.bundle.bundle import MANIFEST_FILE, Bundle, GoldenSample
from faceloom.swap.bundle.manifest import (
    BlendRow,
    GoldenRow,
    GraphRow,
    ImportedRow,
    LimitsRow,
    Manifest,
    ParityRow,
    TensorRow,
    ToleranceRow,
    TrainingRow,
)
from faceloom.swap.bundle.output_difference import OutputDifference, compare_outputs

__all__ = [
    "MANIFEST_FILE",
    "BlendRow",
    "Bundle",
    "GoldenRow",
    "GoldenSample",
    "GraphRow",
    "ImportedRow",
    "LimitsRow",
    "Manifest",
    "OutputDifference",
    "ParityRow",
    "TensorRow",
    "ToleranceRow",
    "TrainingRow",
    "compare_outputs",
    "write_zip",
]
