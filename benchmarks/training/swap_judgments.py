"""Run commands of Faceloom for the benchmarks of training, and read the judge's metrics."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

# Metrics of the tables, by their keys in the judge's JSON.
METRICS = (
    "truth_identity",
    "truth_expression",
    "truth_mouth_error",
    "truth_eye_error",
    "truth_sharpness",
)


def run_faceloom(*arguments: object) -> dict[str, Any]:
    """Run a command and return its result."""
    command = [sys.executable, "-m", "faceloom", *map(str, arguments), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def extract_once(clip: Path, out: Path, name: str) -> Path:
    """Return the face set of a clip in the folder `out`; an existing one is kept."""
    path = out / "faces" / name
    if not path.exists():
        run_faceloom("extract", clip, "--out", path, "--name", name)
    return path


def swap_version(judged: dict[str, Any]) -> dict[str, Any]:
    """Return the judge's row of the swap, as opposed to the target and the truth."""
    rows: list[dict[str, Any]] = judged["versions"]
    return next(row for row in rows if row["name"] == "swap")


def metric_means(version: dict[str, Any]) -> dict[str, float]:
    """Return the mean of each metric by its name."""
    return {metric["name"]: metric["mean"] for metric in version["metrics"]}
