"""Kill a training run again and again at random moments, and see what each kill cost.

python benchmarks/kill_training.py [KILLS]   (20; a tiny network on the sample's faces, some minutes)
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

from faceloom.demo import run as demo_run
from faceloom.faceset import ExtractOptions, extract
from faceloom.progress import run_to_completion
from faceloom_train.config.schema import TrainConfig
from faceloom_train.runs.checkpoint import latest_checkpoint, list_checkpoints
from faceloom_train.runs.run_directory import Run

EVERY = 5
CONFIG = {
    "network": {"kind": "df", "size": 32, "encoder": [8, 16], "latent_dim": 16, "decoder": [16, 8], "residual_blocks": [0, 1]},
    "steps": 1_000_000, "batch_size": 2, "checkpoint_every": EVERY, "log_every": 1, "preview_every": 7,
}  # fmt: skip


@dataclass(frozen=True)
class Kill:
    """reached: the last step that the killed process noted; whole: the checkpoint that was left.

    damaged: checkpoints that cannot be read. leftovers: hidden parts of files, which nothing reads.
    """

    seconds: float
    reached: int
    whole: int
    damaged: int
    leftovers: int

    @property
    def lost(self) -> int:
        return self.reached - self.whole


def kill_again_and_again(
    run: Path, command: Sequence[str], kills: int, steps: int
) -> Iterator[Kill]:
    """Start the command, kill it -9 at a random moment up to `steps` steps and half a second on; and so on."""
    chance = random.Random(0)
    whole = 0
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        # A continued run first drops what was noted after its checkpoint.
        while process.poll() is None and noted_step(run) > whole:
            time.sleep(0.01)
        wanted = whole + chance.randint(1, steps)
        while noted_step(run) < wanted and process.poll() is None:
            time.sleep(0.01)
        seconds = chance.uniform(0, 0.5)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        said = process.communicate()[1].decode()
        assert process.returncode == -signal.SIGKILL, said
        kill = look(run, seconds)
        whole = kill.whole
        yield kill


def look(run: Path, seconds: float) -> Kill:
    opened = Run.read(run)
    damaged: list[str] = []
    whole = latest_checkpoint(opened, damaged.append)[1] if list_checkpoints(opened) else 0
    return Kill(seconds, noted_step(run), whole, len(damaged), len(list(run.rglob("*.part"))))


def noted_step(run: Path) -> int:
    path = run / "metrics.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.is_file() else []
    return max((json.loads(line)["step"] for line in lines), default=0)


def train_command(run: Path, config: Path, faces: dict[str, Path]) -> list[str]:
    named = [part for name, path in faces.items() for part in ("--faces", f"{name}={path}")]
    return [
        sys.executable,
        "-m",
        "faceloom",
        "train",
        "--config",
        str(config),
        "--run",
        str(run),
        *named,
    ]


def main(kills: int) -> None:
    sample = Path(demo_run.__file__).parent / "sample"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        faces = {name: folder / name for name in ("ada", "ben")}
        for name, path in faces.items():
            run_to_completion(
                extract([sample / f"train_{name}.mp4"], path, ExtractOptions(name, every=16))
            )
        config = folder / "tiny.yaml"
        config.write_text(TrainConfig.model_validate(CONFIG).model_dump_json())
        run = folder / "run"
        print(f"A checkpoint every {EVERY} steps.")
        print(
            "| kill | seconds after a step | last step | whole checkpoint | steps lost | damaged | leftovers |"
        )
        print("|---|---|---|---|---|---|---|")
        made = []
        command = train_command(run, config, faces)
        for number, kill in enumerate(kill_again_and_again(run, command, kills, 3 * EVERY), 1):
            made.append(kill)
            print(
                f"| {number} | {kill.seconds:.2f} | {kill.reached} | {kill.whole} | {kill.lost} | {kill.damaged} "
                f"| {kill.leftovers} |", flush=True,
            )  # fmt: skip
        print(
            f"Most steps lost: {max(kill.lost for kill in made)}; damaged: {sum(kill.damaged for kill in made)}."
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
