"""A run that is killed loses no more than what came after its last checkpoint, and nothing becomes unreadable."""

from pathlib import Path

from benchmarks import kill_training
from tests.helpers.runs import tiny_config

from faceloom_train.config.schema import to_yaml


def test_three_kills(tmp_path: Path, facesets: dict[str, Path]) -> None:
    config, run = tmp_path / "tiny.yaml", tmp_path / "run"
    config.write_text(to_yaml(tiny_config(steps=1_000_000, checkpoint_every=4, preview_every=3)))
    command = kill_training.train_command(run, config, facesets)
    reached = 0
    for kill in kill_training.kill_again_and_again(run, command, 3, 6):
        assert kill.damaged == 0
        # The step in which it was killed may have been noted and its checkpoint not yet written.
        assert 0 <= kill.lost <= 4
        assert kill.whole >= reached
        reached = kill.whole
