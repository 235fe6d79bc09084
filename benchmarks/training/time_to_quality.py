"""Measure how good each preset's swap is after so many minutes, against the ground truth.

python -m benchmarks.training.time_to_quality SYNTH OUT --minutes 1 2 4 8 --presets smoke ...

SYNTH contains train_ada, train_ben, target_ada and truth_ben_toned (or truth_ben) as .mp4. Only
training counts for the time. The same command resumes. Writes OUT/table.md and OUT/plot.svg.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.training.swap_judgments import (
    METRICS,
    extract_once,
    metric_means,
    run_faceloom,
    swap_version,
)

COLUMNS = (*METRICS, "truth_aligned_ssim")
COLORS = ("#c2571a", "#2f6fbb", "#3a8f4d", "#8a4fae")
WIDE, HIGH = 640, 300
# Every second frame is compared: stability is not measured.
EVERY = 2


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("synth", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--presets", nargs="+", default=["smoke", "original_64"])
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    faces = {
        name: extract_once(asked.synth / f"train_{name}.mp4", asked.out, name)
        for name in ("ada", "ben")
    }
    lines = {preset: list(measured(preset, asked, faces)) for preset in asked.presets}
    (asked.out / "table.md").write_text(table(lines))
    (asked.out / "plot.svg").write_text(plot(lines))
    sys.stdout.write(table(lines))


def measured(preset: str, asked: argparse.Namespace, faces: dict[str, Path]) -> Any:
    """Yield minutes of training, steps and the judge's row of the swap, for each duration."""
    run, target = asked.out / preset, asked.synth / "target_ada.mp4"
    toned = asked.synth / "truth_ben_toned.mp4"
    truth = toned if toned.exists() else asked.synth / "truth_ben.mp4"
    sets = [part for name, path in faces.items() for part in ("--faces", f"{name}={path}")]
    trained = 0.0
    for minutes in asked.minutes:
        kept = asked.out / f"{preset}-{minutes:g}.json"
        if not kept.exists():
            more = ["--minutes", minutes - trained, "--set", "evaluate_every=0"]
            done = run_faceloom("train", "--config", preset, *sets, "--run", run, *more)
            bundle, swap = (
                asked.out / f"{preset}-{minutes:g}.bundle",
                asked.out / f"{preset}-{minutes:g}.mp4",
            )
            run_faceloom("export", run, "--identity", "ben", "--out", bundle, "--force")
            run_faceloom("convert", target, "--bundle", bundle, "--out", swap, "--force")
            judged = run_faceloom(
                "compare",
                target,
                swap,
                "--truth",
                truth,
                "--identity",
                faces["ben"],
                "--every",
                EVERY,
            )
            kept.write_text(json.dumps({"step": done["step"], "judged": judged}))
        trained = minutes
        result = json.loads(kept.read_text())
        yield minutes, result["step"], swap_version(result["judged"])


def table(lines: dict[str, Any]) -> str:
    titles = [name.removeprefix("truth_") for name in COLUMNS]
    rows = [
        f"| preset | minutes | steps | score | {' | '.join(titles)} |",
        "|---" * (len(COLUMNS) + 4) + "|",
    ]
    for preset, points in lines.items():
        for minutes, step, swap in points:
            values = metric_means(swap)
            cells = " | ".join(f"{values[name]:.3f}" for name in COLUMNS)
            rows.append(
                f"| {preset} | {minutes:g} | {step} | {swap['score']['value']:.1f} | {cells} |"
            )
    return "\n".join(rows) + "\n"


def plot(lines: dict[str, Any]) -> str:
    """The score over the minutes."""
    last = max(minutes for points in lines.values() for minutes, _, _ in points)
    best = (
        max(swap["score"]["value"] for points in lines.values() for _, _, swap in points) * 1.1
        + 1e-6
    )
    drawn = []
    for number, (preset, points) in enumerate(lines.items()):
        places = [
            (WIDE * m / last, HIGH * (1 - swap["score"]["value"] / best)) for m, _, swap in points
        ]
        line = " ".join(f"{x:.0f},{y:.0f}" for x, y in places)
        drawn.append(
            f'<polyline points="{line}" fill="none" stroke="{COLORS[number]}" stroke-width="2"/>'
        )
        drawn.append(f'<text x="8" y="{18 * (number + 1)}" fill="{COLORS[number]}">{preset}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -10 {WIDE + 60} {HIGH + 40}" '
        f'font-family="sans-serif" font-size="14">'
        f'<path d="M0 0V{HIGH}H{WIDE}" fill="none" stroke="#999"/>{"".join(drawn)}'
        f'<text x="{WIDE}" y="{HIGH + 20}" text-anchor="end">{last:g} minutes</text>'
        f'<text x="6" y="{HIGH - 6}">score 0 to {best:.0f}</text></svg>\n'
    )


if __name__ == "__main__":
    main()
