"""Print the scores of a ground truth, of its degradations, and of swaps, as tables.

python -m benchmarks.conversion.judge TARGET TRUTH SOURCE_FACES TARGET_FACES [NAME=VIDEO ...]
"""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from tests.helpers import degradations

from faceloom.compare import (
    COMPONENT_WEIGHTS,
    FACTORS,
    TARGET,
    TRUTH,
    Score,
    Version,
    compare_frames,
    compute_score,
    load_identity_references,
    read_synchronized_frames,
)
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion

COMPONENTS = (*FACTORS, *COMPONENT_WEIGHTS)
# Frames that are degraded and compared: a few seconds of speech.
FRAMES = 75


def main(target: Path, truth: Path, source_faces: Path, target_faces: Path, *named: str) -> None:
    """Compare and print one table with the ground truth as reference and one without."""
    swaps = dict(pair.split("=", 1) for pair in named)
    paths = [target, truth, *map(Path, swaps.values())]
    frames = islice(read_synchronized_frames(paths), FRAMES)
    columns = [list(column) for column in zip(*frames, strict=True)]
    versions = {
        TARGET: columns[0],
        **dict(zip(swaps, columns[2:], strict=True)),
        **degrade(*columns[:2]),
    }
    references = load_identity_references(FaceSet.read(source_faces), FaceSet.read(target_faces))
    pictures = enumerate(zip(*versions.values(), strict=True))
    no_face = f"No frame of {target} shows a face"
    result = run_to_completion(compare_frames(pictures, tuple(versions), references, no_face))
    for title, with_truth in (("against the ground truth", True), ("without it", False)):
        print(f"\n| {title} | score | {' | '.join(COMPONENTS)} |")
        print("|---" * (len(COMPONENTS) + 2) + "|")
        for version in result.comparison.versions:
            print(row(version, with_truth=with_truth))


def degrade(target: list[np.ndarray], truth: list[np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Return the ground truth and its degradations by name."""
    return {
        "truth, 2 px off": degradations.shifted(truth),
        "truth, blurred": degradations.blurred(truth),
        "truth, mouth of another frame": degradations.with_another_mouth(truth),
        "truth, never blinks": degradations.never_blinking(truth),
        "truth, gaze of another frame": degradations.with_another_gaze(truth),
        "truth, redder": degradations.recolored(truth),
        "truth, flickering": degradations.flickering(truth),
        "truth, cut out hard": degradations.cut_out(truth, target),
        "truth, hair on the forehead": degradations.with_a_fringe(truth),
        "truth, blotched": degradations.with_blotches(truth),
        "the target, lighter": degradations.of_the_wrong_person(target),
        TRUTH: truth,
    }


def row(version: Version, *, with_truth: bool) -> str:
    """Return a version's row of the table."""
    metrics = {metric.name: metric for metric in version.metrics}
    score = version.score if with_truth else compute_score(metrics, None)
    return f"| {version.name} | {' | '.join(cells(score))} |"


def cells(score: Score | None) -> Iterator[str]:
    """Yield the score and its components."""
    if score is None:
        return
    yield f"{score.value:.1f}"
    values = {component.name: component.value for component in score.components}
    for name in COMPONENTS:
        yield f"{values[name]:.2f}" if name in values else "-"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]), *sys.argv[5:])
