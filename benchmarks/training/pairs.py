"""Measure the swaps of several pairs with known truth, from random weights and from a base.

python -m benchmarks.training.pairs DATA OUT --steps 350 1000 --starts none base.npz --seeds 0

DATA contains synth/ (ada and ben) and pairs/TARGET_GUEST/, each with train_*.mp4, target_*.mp4 and
truth_GUEST*_toned.mp4. The same command resumes. Writes OUT/table.md.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.training.swap_judgments import (
    METRICS,
    extract_once,
    metric_means,
    run_faceloom,
    swap_version,
)


@dataclass(frozen=True)
class Pair:
    """A target, a guest and the truth of their swap."""

    target: str
    """Name of the person in the target."""
    guest: str
    """Name of the person whose face is put there."""
    folder: Path
    """Folder of the videos."""

    @property
    def truth(self) -> Path:
        """The truth in the target's colors."""
        (path,) = self.folder.glob(f"truth_{self.guest}*_toned.mp4")
        return path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--preset", default="laptop_128")
    parser.add_argument("--steps", type=int, nargs="+", default=[350, 1000])
    parser.add_argument("--starts", nargs="+", default=["none"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", dest="changes", action="append", default=[])
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    rows = [measure(pair, asked, *case) for case in cases(asked) for pair in pairs(asked.data)]
    text = table(rows)
    (asked.out / "table.md").write_text(text)
    sys.stdout.write(text)


def pairs(data: Path) -> Iterator[Pair]:
    yield Pair("ada", "ben", data / "synth")
    for folder in sorted((data / "pairs").iterdir()):
        target, guest = folder.name.split("_")
        yield Pair(target, guest, folder)


def cases(asked: argparse.Namespace) -> Iterator[tuple[int, str, int]]:
    for steps in asked.steps:
        for start in asked.starts:
            for seed in asked.seeds:
                yield steps, start, seed


def measure(
    pair: Pair, asked: argparse.Namespace, steps: int, start: str, seed: int
) -> dict[str, Any]:
    """Train, export, convert and compare one pair, or read the result of an earlier call."""
    case = {"pair": f"{pair.target} as {pair.guest}", "steps": steps, "start": start, "seed": seed}
    work = asked.out / f"{pair.target}-{pair.guest}-{steps}-{Path(start).stem}-{seed}"
    kept = work.with_suffix(".json")
    if not kept.exists():
        faces = {
            name: extract_once(pair.folder / f"train_{name}.mp4", asked.out, name)
            for name in (pair.target, pair.guest)
        }
        trained = train(faces, work, asked, steps, start, seed)
        bundle, swap = work.with_suffix(".bundle"), work.with_suffix(".mp4")
        target = pair.folder / f"target_{pair.target}.mp4"
        run_faceloom("export", work, "--identity", pair.guest, "--out", bundle, "--force")
        run_faceloom("convert", target, "--bundle", bundle, "--out", swap, "--force")
        compare = ["--truth", pair.truth, "--identity", faces[pair.guest]]
        judged = run_faceloom("compare", target, swap, *compare)
        kept.write_text(json.dumps({**case, "trained": trained, "judged": judged}))
    return {**case, **json.loads(kept.read_text())}


def train(
    faces: dict[str, Path], run: Path, asked: argparse.Namespace, steps: int, start: str, seed: int
) -> dict[str, Any]:
    options: list[object] = ["--config", asked.preset, "--run", run, "--steps", steps]
    for name, path in faces.items():
        options += ["--faces", f"{name}={path}"]
    for change in (f"seed={seed}", "evaluate_every=0", "preview_every=100000", *asked.changes):
        options += ["--set", change]
    if start != "none" and not run.exists():
        options += ["--init-from", start]
    return run_faceloom("train", *options)


def table(rows: list[dict[str, Any]]) -> str:
    titles = [name.removeprefix("truth_") for name in METRICS]
    lines = [
        f"| pair | steps | start | seed | score | {' | '.join(titles)} |",
        "|---" * (len(METRICS) + 5) + "|",
    ]
    by_case: dict[tuple[int, str, int], list[float]] = {}
    for row in rows:
        swap = swap_version(row["judged"])
        values = metric_means(swap)
        score = swap["score"]["value"]
        by_case.setdefault((row["steps"], row["start"], row["seed"]), []).append(score)
        cells = " | ".join(f"{values[name]:.3f}" if name in values else "-" for name in METRICS)
        case = f"{row['pair']} | {row['steps']} | {row['start']} | {row['seed']}"
        lines.append(f"| {case} | {score:.1f} | {cells} |")
    for (steps, start, seed), scores in by_case.items():
        mean, worst = statistics.mean(scores), min(scores)
        lines.append(f"| mean, worst | {steps} | {start} | {seed} | {mean:.1f}, {worst:.1f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
