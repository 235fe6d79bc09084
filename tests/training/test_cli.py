"""The train and export commands as a user types them."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.helpers.runs import simple_config

from faceloom.output_lock import lock_output
from faceloom_train.runs.run_directory import Run

pytestmark = [pytest.mark.training, pytest.mark.process]


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(simple_config().model_dump_json())
    return path


def test_train_resume_and_export(
    tmp_path: Path, facesets: dict[str, Path], preset: Path, faceloom
) -> None:
    run = tmp_path / "run"
    named = [part for name, path in facesets.items() for part in ("--faces", f"{name}={path}")]
    code, out, err = faceloom(
        "train", "--config", preset, *named, "--run", run, "--steps", 2, "--json"
    )
    assert code == 0, err
    assert json.loads(out)["step"] == 2
    assert "train: 2/2" in err
    for text in (
        f"{run} is trained: 2 steps.",
        f"Newest preview: {run}/previews/step-00000002.png",
        f"Next, to put ben's face on somebody: faceloom export {run} --identity ben",
        "--steps 4.",
    ):
        assert text in err
    with lock_output(run):
        code, _, err = faceloom("train", "--run", run)
    assert (code, "run is being written by process" in err) == (2, True)
    with lock_output(tmp_path / "ben.bundle"):
        code, _, err = faceloom(
            "export", run, "--identity", "ben", "--out", tmp_path / "ben.bundle"
        )
    assert (code, "ben.bundle is being written by process" in err) == (2, True)
    code, out, err = faceloom("train", "--run", run, "--json")
    assert (code, json.loads(out)["steps_completed"]) == (0, 0)
    assert "is already trained, all 2 steps" in err
    before = (run / "config.yaml").read_text()
    code, _, err = faceloom("train", "--run", run, "--steps", 1)
    assert (code, "trained 2 steps, more than the 1 requested, and was not" in err) == (2, True)
    assert (run / "config.yaml").read_text() == before
    code, out, _ = faceloom("train", "--run", run, "--steps", 3, "--set", "batch_size=3", "--json")
    assert (code, json.loads(out)["steps_completed"]) == (0, 1)
    code, _, err = faceloom("train", "--run", run, "--set", "network.latent_dim=9")
    assert (code, "cannot become 9" in err) == (2, True)
    code, out, err = faceloom("export", run, "--identity", "ben", "--out", tmp_path / "ben.bundle")
    assert code == 0, err
    assert "ben at step 3" in out
    code, _, err = faceloom("export", run, "--identity", "cy", "--out", tmp_path / "cy.bundle")
    assert (code, "choose one of ada, ben" in err) == (3, True)


def test_ctrl_c_saves_and_the_same_command_resumes(
    tmp_path: Path, facesets: dict[str, Path], preset: Path, faceloom
) -> None:
    named = [part for name, path in facesets.items() for part in ("--faces", f"{name}={path}")]
    arguments = ["train", "--config", preset, *named, "--run", tmp_path / "run"]
    arguments += ["--set", "evaluate_every=90000", "--steps", 100000]
    command = [sys.executable, "-m", "faceloom", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    err = ""
    while "train: 1/" not in err:
        err += process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, last = process.communicate(timeout=120)
    err += last
    assert process.returncode == 130, err
    assert "Stopped at step" in err
    assert "Score of ben's face at step" in out
    assert "Next, to put ben's face on somebody: faceloom export" in out
    assert "Traceback" not in err
    step = int(err.rsplit("Stopped at step ", 1)[1].split(";")[0])
    assert (tmp_path / "run" / "checkpoints" / f"step-{step:08d}").is_dir()
    assert not list((tmp_path / "run").rglob("*.part"))
    code, out, _ = faceloom(*arguments[:-1], step + 1, "--json")
    assert (code, json.loads(out)["steps_completed"]) == (0, 1)


def test_ctrl_c_stops_an_export_and_leaves_nothing(tmp_path: Path, trained: Run) -> None:
    before = sorted(tmp_path.rglob("*"))
    arguments = ["export", trained.directory, "--identity", "ben", "--out", tmp_path / "ben.bundle"]
    command = [sys.executable, "-m", "faceloom", *map(str, arguments)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    err = ""
    while "export: 0/3" not in err:
        err += process.stderr.readline()
    process.send_signal(signal.SIGINT)
    err += process.communicate(timeout=120)[1]
    assert process.returncode == 130, err
    assert err.endswith("no incomplete output was left.\n")
    assert "Traceback" not in err
    assert sorted(tmp_path.rglob("*")) == before
