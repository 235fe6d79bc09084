"""A killed run loses only the steps after its last checkpoint, and no file becomes unreadable."""

from pathlib import Path

import pytest
from benchmarks.robustness import kill_training
from tests.helpers.runs import simple_config

pytestmark = [pytest.mark.training, pytest.mark.process, pytest.mark.exhaustive]


def test_a_run_survives_kills(tmp_path: Path, facesets: dict[str, Path]) -> None:
    config, run = tmp_path / "tiny.yaml", tmp_path / "run"
    settings = simple_config(steps=1_000_000, checkpoint_every=4, preview_every=3)
    config.write_text(settings.model_dump_json())
    command = kill_training.train_command(run, config, facesets)
    previous = 0
    # The first kill hits a new run, the second a resumed one.
    for kill in kill_training.kill_repeatedly(run, command, kills=2, max_steps=6):
        assert kill.damaged == 0
        # The last step may have been logged without its checkpoint having been written.
        assert 0 <= kill.lost_steps <= 4
        assert kill.checkpoint_step >= previous
        previous = kill.checkpoint_step
