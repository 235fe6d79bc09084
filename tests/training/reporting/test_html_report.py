"""The report of a run shows its loss, evaluations, events and previews."""

import re
from pathlib import Path

import pytest
import tensorflow as tf
from tests.helpers.runs import simple_config, simple_run

from faceloom_train.loop.trainer import train
from faceloom_train.reporting.html_report import write_report
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training


def test_a_run_writes_its_report_and_tensorboard_files(
    tmp_path: Path, facesets: dict[str, Path]
) -> None:
    run = simple_run(tmp_path / "run", facesets, steps=2, preview_every=2, tensorboard=True)
    train(run)
    changed = run.with_settings(
        simple_config(steps=3, preview_every=2, tensorboard=True, batch_size=1), 2
    )
    train(changed)
    page = (run.directory / "report.html").read_text()
    assert "batch_size changed from 2 to 1" in page
    assert "step 3 of 3, loss" in page
    # The page begins with the newest preview; then the one before and the training examples.
    assert (
        page.index("preview of step 3") < page.index("<h2>Loss") < page.index("preview of step 2")
    )
    assert len(re.findall("data:image/jpeg", page)) == 3
    assert not re.findall(r'(src|href)="(?!data:)', page)
    # The loss, its six parts and the learning rate, each with a marker of the changed setting.
    assert (page.count('class="line"'), page.count('class="event"')) == (8, 8)
    files = sorted((run.directory / "tensorboard").glob("events.out.tfevents.*"))
    events = [
        tf.compat.v1.Event.FromString(r.numpy())
        for r in tf.data.TFRecordDataset([str(f) for f in files])
    ]
    tags = {(event.step, value.tag) for event in events for value in event.summary.value}
    assert {(1, "loss"), (2, "dssim"), (3, "skipped_steps"), (2, "preview")} <= tags


ROWS = {
    "no step": ([], "Too few values yet"),
    "skipped steps": (
        [{"step": 1, "seconds": 1, "skipped_steps": 1}],
        "1 steps with a non-finite loss were skipped",
    ),
    "a restored checkpoint": (
        [{"step": 4, "event": "restored", "reason": "why & so", "failed_step": 9}],
        "restored from this step&#39;s checkpoint: why &amp; so at step 9",
    ),
    "a chosen setting": (
        [{"step": 0, "event": "setting_chosen", "setting": "micro_batch_size", "value": 4}],
        "micro_batch_size: 4 was chosen",
    ),
    "advice": (
        [{"step": 9, "event": "trend", "trend": "flat", "advice": "no use & so"}],
        "step 9</td><td>no use &amp; so",
    ),
    "a base": (
        [{"step": 0, "event": "base", "base": "crowd_128", "copied_fraction": 0.9}],
        "90 % of the weights were copied from the base crowd_128",
    ),
    "a warm start": (
        [
            {
                "step": 0,
                "event": "warm_start",
                "init_from": "a/b",
                "init_step": 7,
                "copied_fraction": 0.5,
            }
        ],
        "50 % of the weights were copied from a/b",
    ),
    "an unknown row": ([{"step": 1, "evaluated": 0.4}], "evaluated: 0.4"),
}


@pytest.mark.parametrize("name", ROWS)
def test_events_are_described(tmp_path: Path, name: str) -> None:
    rows, words = ROWS[name]
    run = Run.create(
        tmp_path / "run", {"ada": tmp_path / "a", "ben": tmp_path / "b"}, simple_config()
    )
    for row in rows:
        run.log_metrics(row)
    assert words in write_report(run).read_text()


def test_the_report_shows_the_evaluations(tmp_path: Path) -> None:
    run = Run.create(
        tmp_path / "run", {"ada": tmp_path / "a", "ben": tmp_path / "b"}, simple_config()
    )
    assert "Not evaluated yet" in write_report(run).read_text()
    for step in (101, 102):
        run.log_metrics({"step": step, "reconstruction": "ada", "ssim": 0.9})
        for target, source in (("ada", "ben"), ("ben", "ada")):
            metrics = dict.fromkeys(("score", "expression", "sharpness", "cycle_ssim"), 0.5)
            run.log_metrics(
                {
                    "step": step,
                    "swap": f"{target} as {source}",
                    "identity": None if step == 101 else 0.3,
                    **metrics,
                }
            )
    page = write_report(run).read_text()
    assert (
        "2 evaluations: 6 are needed to tell whether more steps help"
        in page.replace("\n", "").lower()
    )
    # Two swaps have five metrics each, and one identity has one.
    assert (page.count('class="line"'), page.count("<svg")) == (11, 6)
    assert page.count("no face") == 2
    assert (
        "<b>ben's face: poor</b>, 0.5 of 100. The face hardly looks like the source;"
        in page.replace("&#39;", "'")
    )
    assert "No events." in page
    run.log_metrics({"step": 103, "swap": "ada as ben", "score": 53, "identity": 0.9, "faces": 2})
    assert "<b>ben's face</b>: too few faces to judge: 2 validation" in write_report(
        run
    ).read_text().replace("&#39;", "'")
