"""What the judge says of a swap: the file of `faceloom compare --out` beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceloom.compare import METRICS_BY_NAME, SWAP, read_comparison, words_of_swap, worst_frames
from faceloom.compare.html_report import faults_of_frame, metric_title
from faceloom.project.step import OnExisting
from faceloom.studio.jobs.job import JobRequest
from faceloom.studio.studio_project import Item


@dataclass(frozen=True, slots=True)
class WorstMoment:
    """A frame with visible faults."""

    frame: int
    """Its index."""
    faults: str
    """What is worst there."""


@dataclass(frozen=True, slots=True)
class Judgment:
    """The comparison of a swap with its original."""

    words: str
    """The score in words; empty without one."""
    frames: int
    """Number of compared frames."""
    components: tuple[tuple[str, float], ...]
    """Components of the score, 0 to 1."""
    moments: tuple[WorstMoment, ...]
    """The worst frames, ascending."""
    curves: dict[str, Any]
    """The metrics frame by frame, as JSON values: `frames`, and for each metric its name, title,
    unit, best value, mean and values."""
    is_outdated: bool
    """Whether the swap was written after it was compared."""


def judgment_path(swap: Path) -> Path:
    """Return where a swap's comparison is written; the file may not exist.

    Args:
        swap: The swap.
    """
    return swap.with_name(f"{swap.name}.compare.json")


def find_comparison(swap: Path) -> Path | None:
    """Return the file of a swap's comparison; None if the swap was not compared.

    Args:
        swap: The swap.
    """
    # Comparisons of earlier versions are named without the swap's extension.
    names = judgment_path(swap), swap.with_name(f"{swap.stem}.compare.json")
    return next((name for name in names if name.is_file()), None)


def read_judgment(swap: Path) -> Judgment | None:
    """Read the comparison of a swap.

    Args:
        swap: The swap.

    Returns:
        The judgment; None if the swap was not compared.

    Raises:
        ArtifactRefused: The file is damaged.
    """
    path = find_comparison(swap)
    if path is None:
        return None
    file = read_comparison(path)
    comparison = file.comparison
    words = words_of_swap(comparison)
    version = comparison.version(SWAP)
    score = version.score if version else None
    means = {metric.name: metric.mean for metric in version.metrics} if version else {}
    curves = [
        {
            "name": name,
            "title": metric_title(METRICS_BY_NAME[name]),
            "unit": METRICS_BY_NAME[name].unit,
            "best": METRICS_BY_NAME[name].best,
            "mean": means[name],
            "values": values,
        }
        for name, values in file.series.items()
        if name in means
    ]
    return Judgment(
        words.to_text() if words else "",
        comparison.frames,
        tuple((part.name, part.value) for part in score.components) if score else (),
        tuple(
            WorstMoment(frame, faults_of_frame(comparison, frame, names))
            for frame, names in worst_frames(comparison).items()
        ),
        {"frames": file.frames, "metrics": curves},
        swap.stat().st_mtime_ns > path.stat().st_mtime_ns,
    )


def compare_request(swap: Item, original: Path, faces: Item | None) -> JobRequest:
    """Compare a swap with its original.

    Args:
        swap: The swap.
        original: The video that it was made from.
        faces: Face set of the person in the swap; without it there is no score.
    """
    identity = ("--identity", str(faces.path)) if faces else ()
    out = judgment_path(swap.path)
    return JobRequest(
        title=f"Compare {swap.name} with its original",
        arguments=(
            "compare", str(original), str(swap.path), *identity, "--out", str(out), "--force"
        ),
        artifact=str(out),
        on_existing=OnExisting.REPLACE,
    )  # fmt: skip
