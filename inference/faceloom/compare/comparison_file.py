"""The file that `faceloom compare --out` writes: the result, and metrics by frame."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from faceloom import __version__
from faceloom.atomic import write_text
from faceloom.compare.compare import DetailedComparison
from faceloom.compare.metrics import METRICS_BY_NAME, Series
from faceloom.compare.result import SWAP, Comparison
from faceloom.errors import ArtifactRefused
from faceloom.json_documents import StrictModel, read_document

SCHEMA: Literal[1] = 1
# Digits of a value: more than a chart shows.
_DIGITS = 4
# What to do with a file that cannot be used.
_ADVICE = "compare again with faceloom compare --out"

FrameIndex = Annotated[int, Field(ge=0)]


class ComparisonFile(StrictModel):
    """The document."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    """Version of the format."""
    faceloom_version: str
    """Version of Faceloom that wrote the file."""
    comparison: Comparison
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
    swap = detailed.series.get(SWAP, {})
    file = ComparisonFile(
        faceloom_version=__version__,
        comparison=detailed.comparison,
        frames=detailed.frames,
        series={name: _rounded(values) for name, values in swap.items()},
    )
    write_text(path, file.model_dump_json(by_alias=True) + "\n")


def read_comparison(path: Path) -> ComparisonFile:
    """Read a file that `write_comparison` wrote.

    Args:
        path: The file.

    Raises:
        ArtifactRefused: The file is missing, damaged, or has another schema.
    """
    file = read_document(path, ComparisonFile, SCHEMA, "comparison", _ADVICE)
    metrics = (metric for version in file.comparison.versions for metric in version.metrics)
    unknown = {*file.series, *(metric.name for metric in metrics)} - METRICS_BY_NAME.keys()
    if unknown:
        raise ArtifactRefused(f"{path} has the unknown metric {min(unknown)[:40]!r}; {_ADVICE}.")
    if any(len(values) != len(file.frames) for values in file.series.values()):
        raise ArtifactRefused(
            f"{path} is damaged: a metric does not have one value per frame; {_ADVICE}."
        )
    return file


def _rounded(values: Series) -> tuple[float | None, ...]:
    return tuple(
        float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None for value in values.tolist()
    )
