"""What the judge says of a perfect swap, of the same one spoilt in seven ways, and of real ones.

python -m benchmarks.judge TARGET TRUTH FACES_WANTED FACES_OTHER [NAME=VIDEO ...]
"""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from tests.helpers import degradations as faults

from faceloom.compare.compare import (
    compare_frames,
    load_identity_references,
    read_synchronized_frames,
)
from faceloom.compare.result import Version
from faceloom.compare.score import COMPONENT_WEIGHTS, Score, compute_score
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion

PARTS = ("identity", *COMPONENT_WEIGHTS)
# Frames that are spoilt and judged: a few seconds of speech.
FRAMES = 75


def main(target: Path, truth: Path, wanted: Path, other: Path, *named: str) -> None:
    swaps = dict(pair.split("=", 1) for pair in named)
    paths = [target, truth, *map(Path, swaps.values())]
    columns = [
        list(column)
        for column in zip(*islice(read_synchronized_frames(paths), FRAMES), strict=True)
    ]
    versions = {
        "untouched": columns[0],
        **dict(zip(swaps, columns[2:], strict=True)),
        **spoilt(*columns[:2]),
    }
    references = load_identity_references(FaceSet.read(wanted), FaceSet.read(other))
    moments = enumerate(zip(*versions.values(), strict=True))
    judged = run_to_completion(
        compare_frames(moments, tuple(versions), references, f"No frame of {target} shows a face")
    )
    for title, with_truth in (("against the exact truth", True), ("without it", False)):
        print(f"\n| {title} | score | {' | '.join(PARTS)} |")
        print("|---" * (len(PARTS) + 2) + "|")
        for version in judged.comparison.versions:
            print(row(version, with_truth=with_truth))


def spoilt(target: list[np.ndarray], truth: list[np.ndarray]) -> dict[str, list[np.ndarray]]:
    """The truth in seven bad ways, and the truth."""
    return {
        "truth, 2 px off": faults.shifted(truth),
        "truth, blurred": faults.blurred(truth),
        "truth, mouth of another frame": faults.with_another_mouth(truth),
        "truth, redder": faults.recolored(truth),
        "truth, flickering": faults.flickering(truth),
        "truth, cut out hard": faults.cut_out(truth, target),
        "the target, lighter": faults.of_the_wrong_person(target),
        "truth": truth,
    }


def row(version: Version, *, with_truth: bool) -> str:
    figures = {figure.name: figure for figure in version.figures}
    score = version.score if with_truth else compute_score(figures, None)
    return f"| {version.name} | {' | '.join(cells(score))} |"


def cells(score: Score | None) -> Iterator[str]:
    if score is None:
        return
    yield f"{score.value:.1f}"
    values = {part.name: part.value for part in score.parts}
    for name in PARTS:
        yield f"{values[name]:.2f}" if name in values else "-"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]), *sys.argv[5:])
