"""Swap between rendered people that no base was trained on, and compare with the exact picture.

python -m benchmarks.training.held_out_people CROWD OUT [--steps 1 150 400] [--preset P] [--seed S]
    [--set KEY=VALUE]

Of each held-out group of the crowd, the first person is the target and the second the guest. Three
of four performances are for training; the others are swapped. Since a group's people are filmed in
the same performances, the guest's own picture of a performance is the exact result. Metrics are
means over the pairs. The same command resumes. Writes OUT/table.md.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.training.pairs import train
from benchmarks.training.swap_judgments import extract_once, run_faceloom
from faceloom.array_types import Rgb
from faceloom.compare import (
    SWAP,
    TARGET,
    TRUTH,
    Version,
    compare_frames,
    load_identity_references,
)
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom_train.crowd import VALIDATION_GROUPS, CrowdPerson, read_people

# Every fourth performance is swapped; the others are for training.
TEST_EVERY = 4
# Step of the frame indices: with gaps, the judge takes no three pictures for consecutive frames.
FRAME_STEP = 2
# Columns of the table. The pictures are too few for metrics that fit the motion of a clip, and the
# exact picture has the guest's own skin, to which conversion does not match colors.
METRICS = (
    "truth_identity",
    "truth_landmark_error",
    "truth_mouth_error",
    "truth_eye_error",
    "truth_sharpness",
    "truth_aligned_ssim",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("crowd", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--preset", default="laptop_128")
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 150, 400])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", dest="changes", action="append", default=[])
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    pairs = list(write_pairs(asked.crowd, asked.out))
    results = {
        steps: [measure(target, guest, steps, asked) for target, guest in pairs]
        for steps in asked.steps
    }
    text = table(results)
    (asked.out / "table.md").write_text(text)
    sys.stdout.write(text)


def write_pairs(crowd: Path, out: Path) -> Iterator[tuple[str, str]]:
    """Write the pictures of the first two people of each held-out group, and yield their names."""
    people = list(read_people(crowd, validation=True))
    for group in sorted(VALIDATION_GROUPS):
        pair = [person for person in people if person.group == group][:2]
        for person in pair:
            _write_pictures(person, out / "pictures" / person.name)
        yield pair[0].name, pair[1].name


def _write_pictures(person: CrowdPerson, folder: Path) -> None:
    for index, picture in enumerate(person.pictures):
        part = folder / ("test" if index % TEST_EVERY == TEST_EVERY - 1 else "train")
        part.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(part / f"{index:02}.png"), cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2BGR))


def measure(target: str, guest: str, steps: int, asked: argparse.Namespace) -> dict[str, Any]:
    """Train, export, convert and compare one pair, or read the result of an earlier call.

    Returns:
        `seconds` of training, and `versions`: the mean of each metric of target and swap.
    """
    preset = Path(asked.preset).stem
    work = asked.out / f"{target}-{guest}-{preset}-{steps}-{asked.seed}"
    kept = work.with_suffix(".json")
    if not kept.exists():
        pictures = asked.out / "pictures"
        faces = {
            name: extract_once(pictures / name / "train", asked.out, name)
            for name in (target, guest)
        }
        trained = train(faces, work, asked, steps, "none", asked.seed)
        bundle, swap = work.with_suffix(".bundle"), work / "swapped"
        run_faceloom("export", work, "--identity", guest, "--out", bundle, "--force")
        tested = pictures / target / "test"
        run_faceloom("convert", tested, "--bundle", bundle, "--out", swap, "--force")
        versions = compare_pictures(tested, swap, pictures / guest / "test", faces[guest])
        kept.write_text(json.dumps({"seconds": trained["seconds"], "versions": versions}))
    return json.loads(kept.read_text())


def compare_pictures(
    target: Path, swap: Path, truth: Path, identity: Path
) -> dict[str, dict[str, float]]:
    """Compare the pictures of a performance in three folders.

    Returns:
        The mean of each metric of target and swap.
    """
    names = sorted(path.name for path in target.iterdir())
    frames = (
        (FRAME_STEP * index, [_read(folder / name) for folder in (target, swap, truth)])
        for index, name in enumerate(names)
    )
    references = load_identity_references(FaceSet.read(identity), None)
    subject = f"No picture of {target} shows a face"
    compared = compare_frames(frames, (TARGET, SWAP, TRUTH), references, subject)
    comparison = run_to_completion(compared).comparison
    return {version.name: _means(version) for version in comparison.versions}


def _read(path: Path) -> Rgb:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)


def _means(version: Version) -> dict[str, float]:
    means = {metric.name: metric.mean for metric in version.metrics}
    return {name: float(means[name]) for name in METRICS if name in means}


def table(results: dict[int, list[dict[str, Any]]]) -> str:
    titles = [name.removeprefix("truth_") for name in METRICS]
    lines = [
        f"| | steps | seconds | {' | '.join(titles)} |",
        "|---" * (len(METRICS) + 3) + "|",
    ]
    first = next(iter(results.values()))
    lines.append(f"| target | | | {_cells(first, TARGET)} |")
    for steps, rows in results.items():
        seconds = statistics.mean(row["seconds"] for row in rows)
        lines.append(f"| swap | {steps} | {seconds:.0f} | {_cells(rows, SWAP)} |")
    return "\n".join(lines) + "\n"


def _cells(rows: list[dict[str, Any]], version: str) -> str:
    values = [row["versions"][version] for row in rows]
    known = ([own[name] for own in values if name in own] for name in METRICS)
    return " | ".join(f"{statistics.mean(own):.3f}" if own else "" for own in known)


if __name__ == "__main__":
    main()
