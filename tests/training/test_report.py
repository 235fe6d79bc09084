"""The page of a run tells its loss, what happened to it and what it drew; so do TensorBoard's files."""

import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from runs import tiny_config, tiny_run

from faceloom_train.curves import Mark, curve
from faceloom_train.report import write_report
from faceloom_train.run import Run
from faceloom_train.trainer import train


def test_a_run_leaves_its_page_and_files_for_tensorboard(tmp_path: Path, facesets: dict[str, Path]) -> None:
    run = tiny_run(tmp_path / "run", facesets, steps=2, preview_every=2, tensorboard=True)
    train(run)
    changed = run.with_settings(tiny_config(steps=3, preview_every=2, tensorboard=True, batch_size=1), 2)
    train(changed)
    page = (run.directory / "report.html").read_text()
    assert "batch_size: 2 became 1" in page
    assert "step 3 of 3, loss" in page
    assert len(re.findall("data:image/jpeg", page)) == 2
    assert not re.findall(r'(src|href)="(?!data:)', page)
    # The loss and its five parts, each with a red line for what changed.
    assert (page.count("<polyline"), page.count('class="mark"')) == (6, 6)
    files = sorted((run.directory / "tensorboard").glob("events.out.tfevents.*"))
    events = [tf.compat.v1.Event.FromString(r.numpy()) for r in tf.data.TFRecordDataset([str(f) for f in files])]
    tags = {(event.step, value.tag) for event in events for value in event.summary.value}
    assert {(1, "loss"), (2, "dssim"), (3, "skipped"), (2, "preview")} <= tags


ROWS = {
    "nothing": ([], "Too few figures yet"),
    "no number": ([{"step": 1, "seconds": 1, "skipped": 1}], "1 steps were no number"),
    "a restore": ([{"step": 4, "restored": "why & so", "left": 9}], "went back to this step: why &amp; so at step 9"),
    "auto": ([{"step": 0, "chosen": "batch_size", "to": 4}], "batch_size: 4 was chosen"),
    "a warm start": (
        [{"step": 0, "init_from": "a/b", "of_step": 7, "share": 0.5}],
        "50 % of the weights came from a/b",
    ),
    "what it does not know": ([{"step": 1, "evaluated": 0.4}], "evaluated: 0.4"),
}


@pytest.mark.parametrize("name", ROWS)
def test_what_happened_is_told(tmp_path: Path, name: str) -> None:
    rows, words = ROWS[name]
    run = Run.create(tmp_path / "run", {"ada": tmp_path / "a", "ben": tmp_path / "b"}, tiny_config())
    for row in rows:
        run.log(row)
    assert words in write_report(run).read_text()


@pytest.mark.parametrize("values", [[1.0, 1.0], [3.0, 0.01, 400.0], list(np.linspace(5, 1, 5000))])
def test_a_curve_stays_inside_its_frame(values: list[float]) -> None:
    drawn = curve(np.arange(1.0, len(values) + 1), np.array(values), [Mark(1, "1"), Mark(1, "2")], "#000", (300, 100))
    points = np.array([[float(x) for x in p.split(",")] for p in re.search('points="(.*?)"', drawn)[1].split()])
    assert len(points) == min(len(values), 500)
    assert (points >= 0).all()
    assert (points <= [300 - 56, 100 - 36]).all()
    assert ">1-2<" in drawn
    assert re.search(r'text-anchor="end">[\d.]+</text><', drawn)
