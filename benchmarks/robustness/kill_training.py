"""Kill a training run repeatedly at random times, and measure what each kill costs.

python -m benchmarks.robustness.kill_training [KILLS]   (default 20; a tiny network, some minutes)
"""

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.runs import tiny_config

from faceloom.demo import run as demo_run
from faceloom.faceset import ExtractOptions, extract
from faceloom.progress import run_to_completion
from faceloom_train.runs.checkpoint import latest_checkpoint
from faceloom_train.runs.checkpoint_paths import list_checkpoints
from faceloom_train.runs.run_directory import Run

# Steps between checkpoints.
CHECKPOINT_EVERY = 5
# Longest time in seconds between a step and a kill.
MAX_DELAY = 0.5
# Seconds between two looks at the metrics.
POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Kill:
    """What a kill left."""

    delay: float
    """Seconds between the last awaited step and the kill."""
    last_step: int
    """The last step that the killed process logged."""
    checkpoint_step: int
    """The step of the last undamaged checkpoint."""
    damaged: int
    """Checkpoints that cannot be read."""
    leftovers: int
    """Hidden parts of unfinished files, which nothing reads."""

    @property
    def lost_steps(self) -> int:
        """Steps that must be trained again."""
        return self.last_step - self.checkpoint_step


def kill_repeatedly(
    run: Path, command: Sequence[str], kills: int, max_steps: int
) -> Iterator[Kill]:
    """Start a command, kill it at a random time within `max_steps` steps, and so on."""
    rng = random.Random(0)
    checkpoint_step = 0
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        # A resumed run first drops the metrics after its checkpoint.
        while process.poll() is None and logged_step(run) > checkpoint_step:
            time.sleep(POLL_SECONDS)
        kill_step = checkpoint_step + rng.randint(1, max_steps)
        while logged_step(run) < kill_step and process.poll() is None:
            time.sleep(POLL_SECONDS)
        delay = rng.uniform(0, MAX_DELAY)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        errors = process.communicate()[1].decode()
        assert process.returncode == -signal.SIGKILL, errors
        kill = inspect_run(run, delay)
        checkpoint_step = kill.checkpoint_step
        yield kill


def inspect_run(run: Path, delay: float) -> Kill:
    """Measure what a kill left."""
    opened = Run.read(run)
    damages: list[str] = []
    step = latest_checkpoint(opened, damages.append)[1] if list_checkpoints(opened) else 0
    return Kill(delay, logged_step(run), step, len(damages), len(list(run.rglob("*.part"))))


def logged_step(run: Path) -> int:
    """Return the last step in a run's metrics; 0 without metrics."""
    path = run / "metrics.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.is_file() else []
    return max((json.loads(line)["step"] for line in lines), default=0)


def train_command(run: Path, config: Path, faces: dict[str, Path]) -> list[str]:
    """Return the command that starts or continues a run."""
    options = ["--config", str(config), "--run", str(run)]
    for name, path in faces.items():
        options += ["--faces", f"{name}={path}"]
    return [sys.executable, "-m", "faceloom", "train", *options]


def main(kills: int) -> None:
    sample = Path(demo_run.__file__).parent / "sample"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        faces = {name: folder / name for name in ("ada", "ben")}
        for name, path in faces.items():
            run_to_completion(
                extract([sample / f"train_{name}.mp4"], path, ExtractOptions(name, every=16))
            )
        config = folder / "tiny.yaml"
        settings = tiny_config(steps=1_000_000, checkpoint_every=CHECKPOINT_EVERY, preview_every=7)
        config.write_text(settings.model_dump_json())
        run = folder / "run"
        print(f"A checkpoint every {CHECKPOINT_EVERY} steps.")
        print(
            "| kill | seconds after a step | last step | checkpoint | steps lost | damaged "
            "| leftovers |"
        )
        print("|---|---|---|---|---|---|---|")
        results = []
        command = train_command(run, config, faces)
        for index, kill in enumerate(kill_repeatedly(run, command, kills, 3 * CHECKPOINT_EVERY), 1):
            results.append(kill)
            print(
                f"| {index} | {kill.delay:.2f} | {kill.last_step} | {kill.checkpoint_step} "
                f"| {kill.lost_steps} | {kill.damaged} | {kill.leftovers} |",
                flush=True,
            )
        most = max(kill.lost_steps for kill in results)
        damaged = sum(kill.damaged for kill in results)
        print(f"Most steps lost: {most}; damaged: {damaged}.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
