"""The file that `faceloom compare --out` writes: the result, and the swap's metrics frame by frame."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, JsonValue

from faceloom import __version__
from faceloom.atomic import write_text
from faceloom.compare.compare import DetailedComparison
from faceloom.compare.metrics import METRICS_BY_NAME
from faceloom.compare.result import SWAP, Comparison
from faceloom.errors import ArtifactRefused
from faceloom.json_documents import StrictModel, read_document

SCHEMA: Literal[1] = 1
# Digits of a value: more than a chart shows.
_DIGITS = 4

FrameIndex = Annotated[int, Field(ge=0)]


class ComparisonFile(StrictModel):
    """The document."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    """Version of the format."""
    faceloom_version: str
    """Version of Faceloom that wrote the file."""
    comparison: dict[str, JsonValue]
    """What `faceloom compare --json` prints."""
    frames: tuple[FrameIndex, ...]
    """Indices of the frames where the target shows a face, ascending."""
    series: dict[str, tuple[float | None, ...]]
    """Per metric the swap's values of `frames`; None where the metric is undefined."""


def write_comparison(detailed: DetailedComparison, path: Path) -> None:
    """Write a comparison.

    Args:
        detailed: The comparison.
        path: The file to write.
    """
    file = ComparisonFile(
        faceloom_version=__version__,
        # JSON has lists in place of tuples.
        comparison=json.loads(json.dumps(asdict(detailed.comparison))),
        frames=detailed.frames,
        series={
            name: tuple(
                float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None
                for value in values.tolist()
            )
            for name, values in detailed.series.get(SWAP, {}).items()
        },
    )
    write_text(path, file.model_dump_json(by_alias=True) + "\n")


def read_comparison(path: Path) -> tuple[Comparison, ComparisonFile]:
    """Read a file that `write_comparison` wrote.

    Args:
        path: The file.

    Returns:
        The result, and the file with the swap's values.

    Raises:
        ArtifactRefused: The file is missing, damaged, or has another schema.
    """
    file = read_document(
        path, ComparisonFile, SCHEMA, "comparison", "compare again with faceloom compare --out"
    )
    known = {name: values for name, values in file.series.items() if name in METRICS_BY_NAME}
    try:
        comparison = Comparison.from_json(file.comparison)
        metrics = [metric for version in comparison.versions for metric in version.metrics]
        is_valid = all(metric.name in METRICS_BY_NAME for metric in metrics)
    except (KeyError, TypeError, AttributeError, ValueError):
        is_valid = False
    if not is_valid or any(len(values) != len(file.frames) for values in known.values()):
        raise ArtifactRefused(
            f"{path} is not a valid comparison; compare again with faceloom compare --out."
        )
    return comparison, file.model_copy(update={"series": known})
